#!/usr/bin/env bash
# The engines that the tests read spools with, in a Python environment of their own: target/readers. Does nothing if it
# is there already in these versions. Spark needs a Java, 17 or later, which is not installed here.
set -euo pipefail
cd "$(dirname "$0")/.."
readers=target/readers

versions=(
  datafusion==55.0.0
  duckdb==2.0.1
  pandas==3.1.1
  polars==2.1.0
  pyarrow==26.0.1
  pyspark==4.3.0
  sqlglot==30.30.0
)

if [ "$(cat "$readers/versions" 2> /dev/null)" = "${versions[*]}" ]; then
  exit 0
fi
rm -rf "$readers"
python3 -m venv "$readers"
"$readers/bin/pip" install --quiet --disable-pip-version-check --no-input "${versions[@]}"
# Written last: an environment that is not whole is made anew.
echo "${versions[*]}" > "$readers/versions"
