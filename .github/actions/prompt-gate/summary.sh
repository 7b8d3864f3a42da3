#!/usr/bin/env bash
# Writes what people read: the comment of the pull request, which is the summary of the job too.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

verdict=$(get verdict) code=$(get code) base=$(get base) why=$(get why)
comment=$reports_dir/comment.md
# GitHub takes 65,536 characters. A report of promptassay leaves room for what is added here.
limit=65300

# What promptassay wrote, without the marker and the heading, which stand above already.
report() {
  if [ -s "$reports_dir/report.md" ]; then
    sed -e '1,2{/^<!-- promptassay -->$/d;/^## promptassay: /d;}' "$reports_dir/report.md"
  else
    printf 'There is no report. '
    reason 'The log of the job says why.'
  fi
}

# reason OTHERWISE: why there is no verdict, as it was said.
reason() {
  if [ -s "$reports_dir/messages.txt" ]; then
    printf 'This was said:\n\n'
    last_of "$reports_dir/messages.txt"
  else
    printf '%s\n' "$1"
  fi
}

# What was pointed out, where no report says it.
warnings() {
  if grep -q '^warning' "$reports_dir/messages.txt" 2>/dev/null; then
    printf '\n**This was pointed out:**\n\n'
    last_of "$reports_dir/messages.txt"
  fi
}

explanation() {
  case ${verdict:-broken} in
    unchanged)
      printf 'No prompt that has a suite changed since `%s`; nothing was asked.\n' "${base:0:12}"
      warnings
      ;;
    skipped)
      printf 'No model was asked%s. **This is no verdict.**\n\n' "${why:+: $why}"
      printf 'The files are valid. %s\n\n' "$(replayed)"
      printf 'Somebody who may use the keys of this repository can look at the change and then have it judged: see “Pull requests from forks” in docs/ci.md of promptassay.\n'
      warnings
      ;;
    invalid)
      printf 'The files cannot be evaluated.\n\n'
      # Where the check found nothing, the reason is what was said after it.
      if [ -s "$reports_dir/messages.txt" ]; then
        last_of "$reports_dir/messages.txt"
      elif [ -s "$reports_dir/check.txt" ]; then
        last_of "$reports_dir/check.txt"
      else
        printf 'The log of the job says why.\n'
      fi
      ;;
    *)
      if [ -n "$why" ]; then
        printf 'No model was asked: %s. Recorded replies were replayed.\n\n' "$why"
      fi
      report
      ;;
  esac
}

# How far recorded replies go, for candidates where there are some.
replayed() {
  if [ ! -s "$reports_dir/report.json" ]; then
    return
  fi
  jq -r '[.prompts[]?.variants[]? | select(.gate != null) | .trials] |
    "Of \(map(.asked + .not_asked) | add // 0) questions, \(map(.passed + .failed) | add // 0) have a recorded reply; " +
    "\(map(.passed) | add // 0) of them pass."' "$reports_dir/report.json"
}

{
  printf '<!-- promptassay -->\n'
  case ${verdict:-broken} in
    unchanged) printf '## Prompt gate: nothing to judge\n\n' ;;
    *) printf '## Prompt gate: %s\n\n' "${verdict:-broken}" ;;
  esac
  explanation
  if [ -s "$reports_dir/previous.md" ]; then
    printf '\n'
    cat "$reports_dir/previous.md"
  fi
} >"$comment.whole"
if [ "$(wc -m <"$comment.whole")" -gt "$limit" ]; then
  # Whole lines only, so that no tag and no character is cut.
  awk -v limit="$limit" '{ used += length($0) + 1 } used > limit { exit } { print }' "$comment.whole" >"$comment"
  printf '\n*The report is longer than a comment may be. The whole of it is in the files of this run: report.md.*\n' >>"$comment"
else
  cp "$comment.whole" "$comment"
fi
rm "$comment.whole"
{
  printf '\n<sub>'
  [ -z "$(get head)" ] || printf 'commit %s, ' "$(get head)"
  [ -z "$base" ] || printf 'compared with %s, ' "${base:0:12}"
  # How the job ends, which for a run without a verdict is not what the program said.
  printf 'exit code %s' "$([ "$verdict" = skipped ] && echo 0 || echo "${code:-4}")"
  if [ -n "${GITHUB_RUN_ID:-}" ]; then
    printf ', [run %s](%s/%s/actions/runs/%s)' "$GITHUB_RUN_ID" "${GITHUB_SERVER_URL:-https://github.com}" \
      "${GITHUB_REPOSITORY:-}" "$GITHUB_RUN_ID"
  fi
  printf '</sub>\n'
} >>"$comment"

if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  cat "$comment" >>"$GITHUB_STEP_SUMMARY"
fi
