type Tags = Record<string, string>;

/** `baseline, stage=candidate`: as `%lepton train --tag` takes them. */
export function tagsText(tags: Tags): string {
  return Object.entries(tags)
    .map(([name, value]) => (value ? `${name}=${value}` : name))
    .join(', ');
}

/** What makes of these tags those of the text; null takes one away. */
export function tagsChange(tags: Tags, text: string): Record<string, string | null> {
  const wanted = text.split(',').flatMap(item => {
    const [name, ...value] = item.trim().split('=');
    return name ? [[name.trim(), value.join('=').trim()] as const] : [];
  });
  const gone = Object.keys(tags).map(name => [name, null] as const);
  return Object.fromEntries([...gone, ...wanted]);
}
