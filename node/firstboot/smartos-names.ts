/** What SmartOS's installers call the same things (control-plane §6.3). */

type Answers = Record<string, unknown>;

const SAME_MEANING: Readonly<Record<string, string>> = {
  admin_mac: 'admin_nic',
  headnode_default_gateway: 'admin_gateway',
  default_gateway: 'admin_gateway',
  dns_search: 'dns_domain',
  root_shadow: 'root_password_hash',
};

/** Several keys there, one list here. */
const LISTS: Readonly<Record<string, string>> = {
  dns_resolver1: 'dns_resolvers',
  dns_resolver2: 'dns_resolvers',
  dns_resolvers: 'dns_resolvers',
  ntp_host: 'ntp_hosts',
  ntp_hosts: 'ntp_hosts',
};

/** About dialogues that do not exist here. */
const WITHOUT_MEANING = new Set([
  ...['config_console', 'skip_instructions', 'simple_headers', 'skip_ntp_check', 'skip_edit_config', 'skip_final_summary', 'skip_final_confirm'],
  ...['zpool_confirm_layout', 'install_pkgsrc', 'bootpool', 'admin_network', 'keyboard_layout', 'default_keymap'],
]);

const LAYOUTS: Readonly<Record<string, string>> = { default: 'auto', '': 'auto', raidz: 'raidz1' };

/** The same answers with our names for everything. Where both are given, ours count. */
export function withOurNames(answers: Readonly<Answers>): Answers {
  const renamed: Answers = {};
  const nicTags: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(answers)) {
    if (WITHOUT_MEANING.has(key)) continue;
    const list = LISTS[key];
    const tag = /^([A-Za-z0-9_]{1,31})_nic$/.exec(key)?.[1];
    if (list !== undefined) renamed[list] = [...asList(renamed[list]), ...asList(value)];
    else if (tag !== undefined && tag !== 'admin') nicTags[tag] = value;
    else if (key === 'zpool_layout') renamed['layout'] ??= LAYOUTS[String(value)] ?? value;
    else if (key === 'layout') renamed['layout'] = value;
    else if (key in SAME_MEANING) renamed[SAME_MEANING[key] ?? key] ??= value;
    else renamed[key] = value;
  }
  if (Object.keys(nicTags).length > 0) renamed['nic_tags'] = { ...nicTags, ...(renamed['nic_tags'] as object | undefined) };
  return renamed;
}

/** A list, or SmartOS's text of names with commas between them. What is neither stays, to be refused by its own rules. */
function asList(value: unknown): unknown[] {
  if (value === undefined || value === '') return [];
  if (typeof value === 'string') return value.split(',').map((part) => part.trim());
  return Array.isArray(value) ? value : [value];
}
