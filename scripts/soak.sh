#!/usr/bin/env bash
# Moves random buckets between two simulated servers, one trouble each, and tells which seeds failed.
#
# Usage: scripts/soak.sh [SEEDS [FIRST]]     20000 seeds from 0 on, if nothing is given
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=${1:-20000}
first=${2:-0}
for number in "$seeds" "$first"; do
    if ! [[ $number =~ ^[0-9]+$ ]]; then
        echo "not a number: $number" >&2
        exit 2
    fi
done

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
RUST_BACKTRACE=0 SLUICE_TEST_SEEDS="$first..$((first + seeds))" \
    cargo test --release --test it -- --exact differential::seeds_arrive_or_every_difference_is_named --nocapture \
    >"$log" 2>&1 || status=$?
# Each failing seed is one line that runs it again.
grep -a '^SLUICE_TEST_SEED=' "$log" | sort -u -t= -k2n || true
if ! grep -aE '^[0-9]+ seeds, [0-9]+ failed$' "$log"; then
    tail -n 40 "$log" >&2
fi
exit "$status"
