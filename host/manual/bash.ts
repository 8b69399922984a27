/**
 * Completion for bash, and for zsh as it reads bash's, which needs nothing but the shell: tables of each program's commands, and one function that reads them. What
 * comes from the node, such as aliases, is compared and never expanded, since others choose it.
 */
import { completionTables, type CommandTable, type ProgramTable } from './completion.ts';
import type { Manual } from './manual.ts';

/** Completion for all of these programs. @throws for a word that a shell would take for more than a word */
export function bashCompletion(manuals: readonly Manual[]): string {
  const tables = completionTables(manuals);
  const programs = tables.filter(({ program }) => !program.includes(' ')).map(({ program }) => program);
  const nested = tables.flatMap(({ program }) => (program.includes(' ') ? [program.replaceAll(' ', '_')] : []));
  return [
    '# shellcheck shell=bash disable=SC2034',
    '# Completion for the commands of Zonewright.',
    '',
    ...tables.map(tableFunction),
    `_zonewright_nested=${quoted(` ${nested.join(' ')} `)}`,
    '',
    ENGINE,
    ...programs.map((program) => `complete -F _zonewright_complete ${program}`),
    '',
  ].join('\n');
}

function tableFunction({ program, commands }: ProgramTable): string {
  const rows = commands.map((command) => `    ${[command.name, ...command.aliases].map((name) => quoted(name)).join(' | ')}) ${assignments(command)} ;;`);
  return [`_zonewright_table_${program.replaceAll(' ', '_')}() {`, '  case $1 in', ...rows, '  esac', '}', ''].join('\n');
}

function assignments({ commands, options, valued, verbs, operand, repeats, properties, after }: CommandTable): string {
  const values: ReadonlyArray<readonly [name: string, value: string]> = [
    ['commands', commands.join(' ')],
    ['options', options.join(' ')],
    ['valued', valued.map(([option, source]) => `${option}:${source}`).join(' ')],
    ['verbs', verbs.join(' ')],
    ['operand', operand],
    ['repeats', repeats ? 'yes' : ''],
    ['properties', properties.join(' ')],
    ['after', properties.length > 0 ? String(after) : ''],
  ];
  const given = values.filter(([, value]) => value !== '');
  return given.length === 0 ? ':' : given.map(([name, value]) => `${name}=${quoted(value)}`).join(' ');
}

function quoted(text: string): string {
  if (!/^[A-Za-z0-9_.:?= -]*$/.test(text)) throw new Error(`completion cannot have ${JSON.stringify(text)}`);
  return `'${text}'`;
}

const ENGINE = `_zonewright_offer() { # lines on standard input: those that begin with the word
  local line
  while IFS= read -r line; do
    case $line in *[!A-Za-z0-9_.-]*) continue ;; esac
    [[ $line != "$word"* ]] || COMPREPLY+=("$line")
  done
}

_zonewright_things() { # a kind of thing that this node has
  local uuid alias found=()
  case $1 in
    files)
      compopt -o filenames 2>/dev/null
      while IFS= read -r uuid; do COMPREPLY+=("$uuid"); done < <(compgen -f -- "$word")
      ;;
    images) _zonewright_offer < <(imgadm list -H -o uuid 2>/dev/null) ;;
    nictags) _zonewright_offer < <(nictagadm list -p -d ' ' 2>/dev/null | cut -d ' ' -f 1) ;;
    zones) _zonewright_offer < <(vmadm list -p -o uuid,alias 2>/dev/null | tr : '\\n') ;;
    instances)
      while IFS=: read -r uuid alias; do
        if [[ $uuid == "$word"* ]]; then
          COMPREPLY+=("$uuid")
        elif [[ $alias == "$word"* ]]; then
          found+=("$uuid")
        fi
      done < <(vmadm list -p -o uuid,alias 2>/dev/null)
      # An alias is written as the uuid that it stands for.
      if [ "\${#COMPREPLY[@]}" = 0 ] && [ "\${#found[@]}" = 1 ]; then COMPREPLY=("\${found[0]}"); fi
      ;;
  esac
}

_zonewright_complete() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} table=\${COMP_WORDS[0]##*/} command='' operands=0 index earlier entry
  local commands='' options='' valued='' verbs='' operand='' repeats='' properties='' after=0
  COMPREPLY=()
  "_zonewright_table_$table" ''
  for ((index = 1; index < COMP_CWORD; index++)); do
    earlier=\${COMP_WORDS[index]}
    if [[ $earlier == -* ]]; then
      if [[ " $valued" == *" $earlier:"* ]]; then ((index++)); fi
    elif [ -n "$commands" ] && [ -z "$command" ]; then
      command=$earlier
      commands='' options='' valued=''
      if [[ $_zonewright_nested == *" \${table}_$command "* ]]; then
        table=\${table}_$command
        command=''
      fi
      "_zonewright_table_$table" "$command"
    else
      ((operands++))
    fi
  done
  for entry in $valued; do
    if [ "\${entry%%:*}" = "$previous" ]; then
      _zonewright_things "\${entry#*:}"
      return
    fi
  done
  if [[ $word == -* ]]; then
    _zonewright_offer < <(printf '%s\\n' $options)
  elif [ -n "$commands" ]; then
    _zonewright_offer < <(printf '%s\\n' $commands)
  elif [ -n "$verbs" ] && [ "$operands" = 0 ]; then
    _zonewright_offer < <(printf '%s\\n' $verbs)
  elif [ -n "$operand" ] && { [ "$operands" = 0 ] || [ -n "$repeats" ]; }; then
    _zonewright_things "$operand"
  elif [ -n "$properties" ] && [ "$operands" -ge "$after" ] && [ "$previous" != = ] && [ "$word" != = ]; then
    compopt -o nospace 2>/dev/null
    _zonewright_offer < <(printf '%s\\n' $properties)
    COMPREPLY=("\${COMPREPLY[@]/%/=}")
  fi
}
`;
