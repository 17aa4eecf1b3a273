#!/usr/bin/env bash
# Installs the server of S3 that the tests start (versitygw, over a folder) into target/tools, once, and prints where
# it is. Needs Go.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly VERSION=v1.8.0
readonly BIN="$PWD/target/tools/bin"

if [ "$(cat "$BIN/versitygw.version" 2> /dev/null)" != "$VERSION" ]; then
  GOBIN="$BIN" go install "github.com/versity/versitygw/cmd/versitygw@$VERSION" >&2
  echo "$VERSION" > "$BIN/versitygw.version"
fi
echo "$BIN/versitygw"
