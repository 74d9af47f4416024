/** Where the lab keeps our settings: `schema/settings.json`. */
export const SETTINGS_ID = 'lepton-nb:settings';
