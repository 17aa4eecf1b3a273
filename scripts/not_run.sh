#!/usr/bin/env bash
# Says what the last run of the tests and of the gate lacked, and so did not show.
#   --forget        before a run
#   --note TEXT     the gate lacked this; tests write lines of their own: the text, a tab, the name of the test
set -euo pipefail
cd "$(dirname "$0")/.."
noted="${CARGO_TARGET_DIR:-target}/tmp/not-run.txt"

case "${1:-}" in
  --forget) rm -f "$noted" ;;
  --note)
    mkdir -p "$(dirname "$noted")"
    printf '%s\t\n' "$2" >> "$noted"
    ;;
  *)
    if [ -s "$noted" ]; then
      sort -u "$noted" | awk -F '\t' '
        $1 != last { flush(); last = $1; tests = 0 }
        $2 != "" { tests++ }
        END { flush() }
        function flush() {
          if (last != "") print "NOT RUN: " last (tests ? ": " tests (tests == 1 ? " test" : " tests") : "")
        }'
    else
      echo "NOT RUN: nothing was lacking"
    fi
    ;;
esac
