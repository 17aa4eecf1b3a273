#!/usr/bin/env bash
# Flame graphs of decode + merge + encode, one for each form of answer, into docs/profiles/. Needs Linux' perf, and inferno
# (cargo install inferno --locked) on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bench=$(cargo bench --bench stages --no-run --message-format=json |
  python3 -c 'import json, sys
print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable")][-1])')
mkdir -p docs/profiles
for form in "flux" "flux-keyed" "flux-pivot" "influxql msgpack" "influxql json"; do
  perf record --quiet --event cpu-clock --freq 499 --call-graph dwarf,8192 --output "$work/perf.data" \
    "$bench" --bench --exact "stages::decode::to_lines::$form" --min-time 5 > /dev/null
  # Addresses and generic parameters away: what is left are the names of functions.
  perf script --input "$work/perf.data" 2> "$work/log" | inferno-collapse-perf --all 2>> "$work/log" |
    sed -E 's/^.*;stages::decode::Answer::(decode_and_encode)/\1/' | grep -E '^decode_and_encode' > "$work/folded"
  inferno-flamegraph --title "decode + merge + encode: $form" --subtitle "cargo bench --bench stages" --minwidth 0.4 \
    --hash "$work/folded" > "docs/profiles/${form// /-}.svg"
done
ls -l docs/profiles
