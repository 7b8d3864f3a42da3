#!/usr/bin/env bash
# Writes the comment of the pull request, or brings the one up to date that is there: found by its first line and by its author,
# because anybody can write the line. A comment that cannot be written never changes the verdict.
#
#   PROMPT_GATE_TOKEN   a token that may write pull requests
#   PROMPT_GATE_AUTHOR  the login that the token writes as
#   GITHUB_API_URL, GITHUB_REPOSITORY  as the runner sets them
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

number=$(get pull_request) comment=$reports_dir/comment.md
api=${GITHUB_API_URL:-https://api.github.com}/repos/${GITHUB_REPOSITORY:-}
author=${PROMPT_GATE_AUTHOR:-github-actions[bot]}

if [ -z "$number" ] || [ ! -s "$comment" ]; then
  echo 'no pull request to comment on'
  exit 0
fi
if [ -z "${PROMPT_GATE_TOKEN:-}" ]; then
  annotate notice 'there is no token, so the report is in the summary of this run only'
  exit 0
fi

# call METHOD PATH [FILE]: prints the body of the answer; fails where the status is no success. The token goes through a
# file descriptor: arguments of a process can be read by everybody on the machine.
call() {
  local retry=3
  # A comment that was written although no answer came would be written twice.
  [ "$1" != POST ] || retry=0
  curl --silent --show-error --fail --max-time 30 --retry "$retry" --request "$1" \
    --header 'accept: application/vnd.github+json' --header 'x-github-api-version: 2022-11-28' \
    --header @<(printf 'authorization: Bearer %s' "$PROMPT_GATE_TOKEN") \
    ${3:+--header 'content-type: application/json' --data-binary "@$3"} \
    "$api$2"
}

give_up() {
  annotate notice "$1, so the report is in the summary of this run only"
  exit 0
}

# The id of our comment; nothing where there is none yet. At most 1,000 comments are looked through.
find_comment() {
  local page comments id
  for page in 1 2 3 4 5 6 7 8 9 10; do
    comments=$(call GET "/issues/$number/comments?per_page=100&page=$page") || return 1
    id=$(jq -r --arg author "$author" 'map(select(.user.login == $author
      and (.body // "" | split("\n")[0] | rtrimstr("\r")) == "<!-- promptassay -->")) | first | .id // empty' <<<"$comments")
    if [ -n "$id" ]; then
      printf '%s' "$id"
      return
    fi
    [ "$(jq length <<<"$comments")" = 100 ] || return 0
  done
}

id=$(find_comment) || give_up 'the comments of the pull request cannot be read'
jq --raw-input --slurp '{body: .}' "$comment" >"$PROMPT_GATE_DIR/body.json"
if [ -n "$id" ]; then
  call PATCH "/issues/comments/$id" "$PROMPT_GATE_DIR/body.json" >/dev/null || give_up 'the comment cannot be updated'
  echo "updated comment $id"
elif [ "$(get verdict)" = unchanged ]; then
  echo 'nothing changed, and there is no comment to bring up to date'
else
  call POST "/issues/$number/comments" "$PROMPT_GATE_DIR/body.json" >/dev/null ||
    give_up 'the comment cannot be written, which is so for every pull request from a fork'
  echo 'wrote a comment'
fi
