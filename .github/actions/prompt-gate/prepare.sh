#!/usr/bin/env bash
# Decides how prompts are asked, and since which commit they changed.
#
#   PROMPT_GATE_MODE   auto: `live`, but `replay` for a pull request that gets no keys; or one of the two
#   PROMPT_GATE_BASE   a commit to compare with; without it that of the pull request; none in other events: everything is asked
#   PROMPT_GATE_SHARDS the number of parts; it comes back as a list for a matrix
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

event_name=${GITHUB_EVENT_NAME:-}
base=${PROMPT_GATE_BASE:-}
shards=${PROMPT_GATE_SHARDS:-1}
mode=${PROMPT_GATE_MODE:-auto}

# Why there are no keys, where that is so.
without_keys() {
  [ "$event_name" = pull_request ] || return 0
  if [ "$(event .pull_request.head.repo.full_name)" != "${GITHUB_REPOSITORY:?}" ]; then
    echo 'the pull request comes from a fork, and forks get no keys'
  elif [ "${GITHUB_ACTOR:-}" = 'dependabot[bot]' ]; then
    echo 'the pull request was opened by Dependabot, which gets no keys'
  fi
}

case $event_name in
  pull_request) : "${base:=origin/${GITHUB_BASE_REF:?}}" ;;
  merge_group) : "${base:=$(event .merge_group.base_sha)}" ;;
  pull_request_target)
    refuse 'pull_request_target would run a stranger'\''s files with your secrets; use the event pull_request'
    ;;
esac
why=$(without_keys)
case $mode in
  auto) mode=$([ -n "$why" ] && echo replay || echo live) ;;
  live) why='' ;;
  replay) : "${why:=the mode is replay}" ;;
  *) refuse "there is no mode \`$mode\`; take auto, live or replay" ;;
esac
case $shards in
  *[!0-9]* | '' | 0*) refuse "\`$shards\` is no number of shards" ;;
esac

if [ -n "$base" ]; then
  # The id of the commit: all shards mean the same one, even if the branch moves meanwhile.
  commit=$(git rev-parse --verify --quiet --end-of-options "$base^{commit}") ||
    refuse "\`$base\` is not in this clone; check out with \`fetch-depth: 0\`"
  base=$commit
fi

put mode "$mode"
put why "$why"
put base "$base"
put pull_request "$(event .pull_request.number)"
put head "$(event .pull_request.head.sha)"
put matrix "[$(seq -s , 1 "$shards")]"
# Whoever may not see keys may not leave replies behind either.
put cache "$([ "$mode" = live ] && echo true || echo false)"
printf 'mode %s%s\n' "$mode" "${why:+: $why}"
[ -z "$base" ] || printf 'changes since %s\n' "$base"
