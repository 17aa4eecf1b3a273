#!/usr/bin/env bash
# Measures sluice against the vendor's Flux task and against `influx query --raw | influx write`, one after the other, on two
# running InfluxDB 2.x servers. The source bucket holds what scripts/tsbs_cpu_only.py writes with its defaults; the
# destination buckets are made new. Prints a table.
#
#   SOURCE_HOST SOURCE_ORG SOURCE_BUCKET SOURCE_TOKEN_FILE
#   DESTINATION_HOST DESTINATION_ORG DESTINATION_TOKEN_FILE
#   TASK_FLUX   the script of the migration guide, as published (optional: without it the task is not measured)
#   INFLUX_CLI  the influx 2.x command line (optional, likewise)
#   SLUICE      the program (default: target/release/sluice)
set -euo pipefail
: "${SOURCE_HOST:?}" "${SOURCE_ORG:?}" "${SOURCE_BUCKET:?}" "${SOURCE_TOKEN_FILE:?}"
: "${DESTINATION_HOST:?}" "${DESTINATION_ORG:?}" "${DESTINATION_TOKEN_FILE:?}"
sluice=${SLUICE:-$(dirname "$0")/../target/release/sluice}
start=2022-01-01T00:00:00Z stop=2022-01-02T00:00:00Z hour=2022-01-01T01:00:00Z
run=$(date +%s)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

now() { date +%s.%N; }
rate() { awk -v n="$1" -v a="$2" -v b="$3" 'BEGIN { printf "%.0f", n / (b - a) }'; }
json() { python3 -c 'import json, sys; print(json.dumps({"query": sys.stdin.read(), "type": "flux"}))'; }

# query HOST ORG TOKEN_FILE < flux
query() {
  json | curl -sS --fail-with-body -XPOST "$1/api/v2/query?org=$2" -H "Authorization: Token $(cat "$3")" \
    -H 'Content-Type: application/json' --data-binary @-
}
make_bucket() {
  local id
  id=$(curl -sS "$DESTINATION_HOST/api/v2/orgs?org=$DESTINATION_ORG" -H "Authorization: Token $(cat "$DESTINATION_TOKEN_FILE")" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["orgs"][0]["id"])')
  curl -sS --fail-with-body -o /dev/null -XPOST "$DESTINATION_HOST/api/v2/buckets" \
    -H "Authorization: Token $(cat "$DESTINATION_TOKEN_FILE")" -d "{\"orgID\":\"$id\",\"name\":\"$1\",\"retentionRules\":[]}"
}
count() {
  echo "from(bucket: \"$SOURCE_BUCKET\") |> range(start: $1, stop: $2) |> group() |> count()" |
    query "$SOURCE_HOST" "$SOURCE_ORG" "$SOURCE_TOKEN_FILE" | tr -d '\r' | awk -F, '/^,,?[^r]/ { n = $NF } END { print n }'
}

values_day=$(count "$start" "$stop")
values_hour=$(count "$start" "$hour")
echo "method|values|seconds|values/s|source B/value"

measure_sluice() {
  local a b bytes
  a=$(now)
  XDG_STATE_HOME=$work "$sluice" migrate --json --create-buckets --start "$start" --stop "$stop" --batch-interval "$1" \
    --source-host "$SOURCE_HOST" --source-org "$SOURCE_ORG" --source-bucket "$SOURCE_BUCKET" \
    --source-token-file "$SOURCE_TOKEN_FILE" --destination-host "$DESTINATION_HOST" --destination-org "$DESTINATION_ORG" \
    --destination-token-file "$DESTINATION_TOKEN_FILE" --destination-bucket "sluice_$run$1" \
    --batch-bucket "progress_$run$1" > "$work/json" 2> "$work/log"
  b=$(now)
  bytes=$(grep '"message_type":"summary"' "$work/json" | python3 -c '
import json, sys
s = json.load(sys.stdin)
print("%.1f" % (s["source_bytes_decoded"] / s["values"]))')
  echo "sluice, batches of $1|$values_day|$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.1f", b - a }')|$(rate "$values_day" "$a" "$b")|$bytes"
}
measure_sluice 1h
measure_sluice 1d

plain_bytes=$(echo "from(bucket: \"$SOURCE_BUCKET\") |> range(start: $start, stop: $hour)" |
  query "$SOURCE_HOST" "$SOURCE_ORG" "$SOURCE_TOKEN_FILE" | wc -c)

if [ -n "${TASK_FLUX:-}" ]; then
  make_bucket "task_$run" && make_bucket "task_progress_$run"
  sed -e "s|start: 2022-01-01T00:00:00Z|start: $start|; s|stop: 2022-02-01T00:00:00Z|stop: $stop|" \
    -e "s|batchBucket: .*|batchBucket: \"task_progress_$run\",|; s|sourceHost: .*|sourceHost: \"$SOURCE_HOST\",|" \
    -e "s|sourceOrg: .*|sourceOrg: \"$SOURCE_ORG\",|; s|sourceToken: .*|sourceToken: \"$(cat "$SOURCE_TOKEN_FILE")\",|" \
    -e "s|sourceBucket: .*|sourceBucket: \"$SOURCE_BUCKET\",|; s|destinationBucket: .*|destinationBucket: \"task_$run\",|" \
    -e '/^option task/d; /influxdata\/influxdb\/secrets/d' "$TASK_FLUX" > "$work/task.flux"
  a=$(now)
  for _ in 1 2 3; do
    query "$DESTINATION_HOST" "$DESTINATION_ORG" "$DESTINATION_TOKEN_FILE" < "$work/task.flux" > /dev/null
  done
  b=$(now)
  # The script reads each batch three times: once to write it, and twice for its count.
  echo "official task, 3 batches of 1h|$((values_hour * 3))|$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.1f", b - a }')|$(rate $((values_hour * 3)) "$a" "$b")|$(awk -v n="$plain_bytes" -v v="$values_hour" 'BEGIN { printf "%.1f", 3 * n / v }')"
fi

if [ -n "${INFLUX_CLI:-}" ]; then
  make_bucket "cli_$run"
  a=$(now)
  INFLUX_TOKEN=$(cat "$SOURCE_TOKEN_FILE") "$INFLUX_CLI" query --raw --host "$SOURCE_HOST" -o "$SOURCE_ORG" \
    "from(bucket: \"$SOURCE_BUCKET\") |> range(start: $start, stop: $hour)" |
    INFLUX_TOKEN=$(cat "$DESTINATION_TOKEN_FILE") "$INFLUX_CLI" write --format csv --host "$DESTINATION_HOST" \
      -o "$DESTINATION_ORG" -b "cli_$run"
  b=$(now)
  echo "influx query --raw \| influx write, 1h|$values_hour|$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.1f", b - a }')|$(rate "$values_hour" "$a" "$b")|$(awk -v n="$plain_bytes" -v v="$values_hour" 'BEGIN { printf "%.1f", n / v }')"
fi
