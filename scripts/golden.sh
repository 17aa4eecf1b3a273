#!/usr/bin/env bash
# Packs recorded exchanges for the tests: each case of the folder that SLUICE_TEST_GOLDEN names becomes one archive in
# tests/golden/exchanges. The same files give the same bytes, whoever packs them and when.
set -euo pipefail
cd "$(dirname "$0")/.."
from=${SLUICE_TEST_GOLDEN:?names the folder of the exchanges}
to=tests/golden/exchanges

# A folder beside `cases` is a case too.
pack() {
  tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    -C "$from/$1" -c "$2" | gzip -9n > "$to/$2.tar.gz"
}

mkdir -p "$to"
rm -f "$to"/*.tar.gz
for case in "$from"/cases/*/; do
  pack cases "$(basename "$case")"
done
pack . errors
du -sh "$to"
