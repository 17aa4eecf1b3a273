#!/usr/bin/env python3
"""Whole runs of sluice over data of other shapes than one dense measurement, and a table of their cost: 1,000 measurements of
ten series each, 5,000 measurements, a million series, sizes from a million to a hundred million values with a straight
line through them, and a stretch of empty batches. Makes its own buckets at both ends.

  --only    one of: measurements, many, series, growth, empty
"""

import random
import time

import ends
import run_sluice

START_S = 1_640_995_200  # 2022-01-01T00:00:00Z
DAY = ("2022-01-01T00:00:00Z", "2022-01-02T00:00:00Z")
FIELDS = 10


def dense(measurements, series, rows, step_s):
    """One line holds ten fields; series after series, as an export would."""
    rnd = random.Random(42)
    for measurement in range(measurements):
        for host in range(series):
            for step in range(rows):
                fields = ",".join(f"f{field}={rnd.randrange(100)}i" for field in range(FIELDS))
                yield f"m{measurement},host=h{host} {fields} {START_S + step * step_s}\n"


def days_of_a_million(days):
    """10,800 lines of ten fields a day and series: 1.08 million values a day. Day after day, since each is a shard."""
    rnd = random.Random(42)
    some = [",".join(f"f{field}={rnd.randrange(100)}i" for field in range(FIELDS)) for _ in range(9973)]
    for day in range(days):
        for host in range(10):
            for step in range(10_800):
                time_s = START_S + day * 86_400 + step * 8
                yield f"m,host=h{host} {some[(time_s // 8 * 31 + host * 1237) % len(some)]} {time_s}\n"


def a_million_series():
    for step in range(5):
        for host in range(1000):
            for core in range(1000):
                yield f"m,core=c{core},host=h{host} a={(host * 7 + core + step) % 1000}i,b={host % 500}i {START_S + step * 3600}\n"


class Shapes:
    def __init__(self, args):
        self.args = args
        self.source, self.destination = ends.ends(args)
        self.run = f"shapes_{int(time.time())}"

    def fill(self, name, lines):
        bucket = f"{self.run}_{name}"
        self.source.make_bucket(bucket)
        self.source.write(bucket, lines)
        return bucket

    def migrate(self, bucket, label, start, stop, interval):
        summary = run_sluice.migrate(self.args, bucket, f"{self.run}_{label}", start, stop, interval)
        values = summary["values"]
        per_value = f"{summary['seconds'] / values * 1e6:.2f} us" if values else "-"
        print(f"| {label} | {interval} | {values:,} | {summary['seconds']:.1f} | {per_value} "
              f"| {summary['source_bytes_decoded'] / max(values, 1):.1f} | {summary['rss_mib']:.0f} |", flush=True)
        return summary

    def measurements(self):
        one = self.fill("one", dense(1, 100, 8640, 10))
        thousand = self.fill("thousand", dense(1000, 10, 86, 1000))
        self.migrate(one, "one measurement, 100 series", *DAY, "1d")
        self.migrate(thousand, "1,000 measurements, 10 series each", *DAY, "1d")

    def many(self):
        self.migrate(self.fill("many", dense(5000, 10, 20, 600)), "5,000 measurements, 10 series each", *DAY, "1d")

    def series(self):
        self.migrate(self.fill("series", a_million_series()), "1,000,000 series", *DAY, "1d")

    def growth(self):
        """A day holds a million values; a hundred days a hundred million. The line is that of the least squares."""
        bucket = self.fill("growth", days_of_a_million(100))
        points = []
        for days, stop in [(1, "2022-01-02"), (10, "2022-01-11"), (30, "2022-01-31"), (100, "2022-04-11")]:
            summary = self.migrate(bucket, f"{days} days", DAY[0], f"{stop}T00:00:00Z", "1d")
            points.append((summary["values"], summary["seconds"]))
        count = len(points)
        mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
        slope = (sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points))
        offset = mean_y - slope * mean_x
        worst = max(abs(offset + slope * x - y) for x, y in points)
        print(f"fit: {offset:.2f} s + {slope * 1e6:.3f} us x values; furthest from it {worst:.2f} s")

    def empty(self):
        """One value a year: all batches between are empty."""
        bucket = self.fill("empty", [f"m f=1i {START_S}\n", f"m f=1i {START_S + 365 * 86_400}\n"])
        full = self.migrate(bucket, "empty stretch, 8,761 batches", DAY[0], "2023-01-01T01:00:00Z", "1h")
        few = self.migrate(bucket, "the same range, 2 batches", DAY[0], "2023-01-01T01:00:00Z", "365d")
        print(f"an empty batch costs {(full['seconds'] - few['seconds']) / 8759 * 1000:.2f} ms")


def main():
    parser = ends.parser(__doc__)
    names = ["measurements", "many", "series", "growth", "empty"]
    parser.add_argument("--only", choices=names)
    args = parser.parse_args()
    shapes = Shapes(args)
    print("| data | batch | values | s | per value | source B/value | peak MiB |\n|---|---|---|---|---|---|---|")
    for name in names:
        if args.only in (None, name):
            getattr(shapes, name)()


if __name__ == "__main__":
    main()
