# From two JSON reports, that of the last run and that of this one, to a table in Markdown: which cases passed then and now.
def variants: [.prompts[]? | .name as $prompt | .variants[]
  | {key: "\($prompt) v\(.version), model \(.model)", value: {passed: .cases_passed, cases: .cases,
     by_case: (.results | map({key: .name, value: (2 * .passed > .asked)}) | from_entries)}}] | from_entries;
def names: if . == [] then "–" else map(@html | gsub("\\|"; "&#124;")) | join(", ") end;

(.[0] | variants) as $earlier | (.[1] | variants) as $current
| "| | passed then | passed now | fixed | broke |", "|---|---|---|---|---|",
  ($current | to_entries[] | .key as $key | .value as $today | $earlier[$key] as $before
  | if $before == null then "| \($key) | – | \($today.passed)/\($today.cases) | – | – |"
    else "| \($key) | \($before.passed)/\($before.cases) | \($today.passed)/\($today.cases) | "
      + ([$today.by_case | to_entries[] | select(.value and $before.by_case[.key] == false) | .key] | names) + " | "
      + ([$today.by_case | to_entries[] | select((.value | not) and $before.by_case[.key] == true) | .key] | names) + " |"
    end)
