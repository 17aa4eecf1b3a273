#!/usr/bin/env python3
"""Writes data in the manner of the TSBS cpu-only workload to an InfluxDB 2.x bucket.

Ten tags, ten fields, each field a clamped random walk between 0 and 100 with a fixed seed. Equal arguments give equal data.
The token is read from the file named by --token-file.
"""

import argparse
import random
import urllib.parse
import urllib.request

FIELDS = ("usage_user usage_system usage_idle usage_nice usage_iowait "
          "usage_irq usage_softirq usage_steal usage_guest usage_guest_nice").split()
REGIONS = ("us-east-1 us-west-1 us-west-2 eu-west-1 eu-central-1 "
           "ap-southeast-1 ap-southeast-2 ap-northeast-1 sa-east-1").split()
START_S = 1_640_995_200  # 2022-01-01T00:00:00Z
BODY_BYTES = 3_000_000


def tags(host, rnd):
    region = rnd.choice(REGIONS)
    pairs = {
        "arch": rnd.choice(("x64", "x86")),
        "datacenter": region + rnd.choice("abc"),
        "hostname": f"host_{host}",
        "os": rnd.choice(("Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10")),
        "rack": rnd.randrange(100),
        "region": region,
        "service": rnd.randrange(20),
        "service_environment": rnd.choice(("production", "staging", "test")),
        "service_version": rnd.randrange(2),
        "team": rnd.choice(("SF", "NYC", "LON", "CHI")),
    }
    return "cpu," + ",".join(f"{key}={value}" for key, value in pairs.items())


def lines(args):
    rnd = random.Random(args.seed)
    for host in range(args.hosts):
        series = tags(host, rnd)
        walks = [rnd.random() * 100 for _ in FIELDS]
        for step in range(int(args.hours * 3600 / args.step_s)):
            walks = [min(100.0, max(0.0, walk + rnd.gauss(0, 1))) for walk in walks]
            shown = (repr(w) if args.floats else f"{int(w)}i" for w in walks)
            fields = ",".join(f"{name}={value}" for name, value in zip(FIELDS, shown))
            yield f"{series} {fields} {START_S + step * args.step_s}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="http://localhost:8086")
    parser.add_argument("--org", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--token-file", required=True)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--step-s", type=int, default=10)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--floats", action="store_true", help="floats of up to 17 digits instead of integers")
    args = parser.parse_args()
    with open(args.token_file, encoding="utf-8") as file:
        token = file.read().strip()
    query = urllib.parse.urlencode({"org": args.org, "bucket": args.bucket, "precision": "s"})

    def write(body):
        request = urllib.request.Request(f"{args.host}/api/v2/write?{query}", data="".join(body).encode(),
                                         headers={"Authorization": f"Token {token}"}, method="POST")
        urllib.request.urlopen(request).read()

    body, size = [], 0
    for line in lines(args):
        body.append(line)
        size += len(line)
        if size >= BODY_BYTES:
            write(body)
            body, size = [], 0
    if body:
        write(body)


if __name__ == "__main__":
    main()
