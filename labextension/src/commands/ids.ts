/** Everything the extension can do, for the palette, shortcuts, menus and other extensions. */
export const CommandIDs = {
  openPanel: 'lepton:open-panel',
  search: 'lepton:search',
  refresh: 'lepton:refresh',

  openRun: 'lepton:open-run',
  compareRuns: 'lepton:compare-runs',
  pauseRun: 'lepton:pause-run',
  resumeRun: 'lepton:resume-run',
  stopRun: 'lepton:stop-run',
  changeRate: 'lepton:change-learning-rate',
  annotateRun: 'lepton:annotate-run',
  deleteRun: 'lepton:delete-run',
  evaluateRun: 'lepton:evaluate-run',
  deployRun: 'lepton:deploy-run',
  runLog: 'lepton:show-run-log',
  revealCheckpoint: 'lepton:reveal-checkpoint',
  copyRunName: 'lepton:copy-run-name',

  openServiceView: 'lepton:open-service-view',
  openService: 'lepton:open-service',
  tryService: 'lepton:try-service',
  serviceLog: 'lepton:show-service-log',
  stopService: 'lepton:stop-service',
  rollbackService: 'lepton:rollback-service',
  copyServiceUrl: 'lepton:copy-service-url',
  copyServiceToken: 'lepton:copy-service-token',

  deployPackage: 'lepton:deploy-package',

  insertCell: 'lepton:insert-cell',
  reproduceRun: 'lepton:reproduce-run',
  newFromTemplate: 'lepton:new-from-template'
} as const;
