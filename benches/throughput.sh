#!/bin/sh
# Runs the two throughput goals of an evaluation end to end against `promptassay mock` on this machine. It wants a machine that does
# nothing else: the server shares its cores.
#
#   5,000 cases, replies after 100 ms, 100 at a time, three validators each: at most 1.05 × 5.0 s; below 60 MB resident
#   100,000 cases, instant replies: at least 10,000 cases/s; below 200 MB resident, reports included
#
# Beside them, the bytes that a case takes in memory: resident at 100,000 cases less resident at 1,000, by case.
#
# Usage: benches/throughput.sh [path of the binary]
#   CASES=N         so many instead of 100,000, and a tenth of it instead of 5,000: to try the script
#   BARE=N          requests a second that bare sockets reach (`all.sh` measures it), to compare the rate with
set -eu
binary=${1:-target/release/promptassay}
. "$(dirname "$0")/common.sh"
many=${CASES:-100000}
few=$([ -n "${CASES:-}" ] && echo $((many / 10)) || echo 5000)
[ -n "${WITHOUT_HEADING:-}" ] || heading

serve '  delay: {fixed: 100ms}
'
suite "$few" 100
evaluate 100
ideal=$(awk "BEGIN {print $few / 1000}")
row "$few cases, replies after 100 ms, 100 at a time: time" '<' "$(awk "BEGIN {print $ideal * 1.05}")" "$seconds" ' s' "$ideal" 'every reply after exactly 100 ms, and nothing else to do'
row 'the same: resident' '<' 60 "$(awk "BEGIN {print $kilobytes / 1024}")" ' MB'
row 'the same: processor time of the client' '<' - "$cpu" ' s'
serve ''
suite 1000 64
evaluate 64
base=$kilobytes
suite "$many" 64
evaluate 64
row "$many cases, instant replies, both reports: rate" '>' 10000 "$(awk "BEGIN {print $many / $seconds}")" /s "${BARE:--}" 'requests over bare sockets'
row 'the same: resident' '<' 200 "$(awk "BEGIN {print $kilobytes / 1024}")" ' MB'
row 'the same: processor time of the client' '<' - "$cpu" ' s'
row 'a case in memory, all that belongs to it' '<' - "$(((kilobytes - base) * 1024 / many))" ' B'
