#!/usr/bin/env bash
# Installs the server of Azure Blob Storage that the tests start (Azurite) into target/tools, once, and prints where it
# is. Needs npm.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly VERSION=3.35.0
readonly FOLDER="$PWD/target/tools/azurite"

if [ "$(cat "$FOLDER/version" 2> /dev/null)" != "$VERSION" ]; then
  mkdir -p "$FOLDER"
  npm install --prefix "$FOLDER" --no-audit --no-fund --no-save --ignore-scripts "azurite@$VERSION" >&2
  echo "$VERSION" > "$FOLDER/version"
fi
echo "$FOLDER/node_modules/.bin/azurite-blob"
