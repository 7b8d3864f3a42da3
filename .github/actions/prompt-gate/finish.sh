#!/usr/bin/env bash
# Ends the job as the gate ended. Only here it goes red.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

verdict=$(get verdict) code=$(get code)
: "${verdict:=broken}" "${code:=4}"
put verdict "$verdict"
put code "$code"
case $verdict in
  passed | unchanged | asked) exit 0 ;;
  skipped)
    annotate notice "skipped, and not passed: no model was asked$(why=$(get why); printf '%s' "${why:+, because $why}")"
    exit 0
    ;;
esac
annotate error "$verdict"
# Nothing but the verdicts above is green.
[ "$code" != 0 ] || code=4
exit "$code"
