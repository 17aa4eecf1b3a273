"""The two InfluxDB 2.x servers of a measurement, as the scripts beside this one use them. Standard library only."""

import argparse
import http.client
import json
import threading
import time
import urllib.parse
import urllib.request


class End:
    """One server: address, organization, and a token that may create buckets."""

    def __init__(self, host, org, token_file):
        self.host, self.org, self.token_file = host.rstrip("/"), org, token_file
        with open(token_file, encoding="utf-8") as file:
            self.headers = {"Authorization": f"Token {file.read().strip()}"}

    def call(self, method, path, body=None, content_type="application/json"):
        request = urllib.request.Request(self.host + path, data=body, method=method,
                                         headers={**self.headers, "Content-Type": content_type})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def make_bucket(self, name):
        orgs = json.loads(self.call("GET", "/api/v2/orgs?" + urllib.parse.urlencode({"org": self.org})))
        bucket = {"orgID": orgs["orgs"][0]["id"], "name": name, "retentionRules": []}
        self.call("POST", "/api/v2/buckets", json.dumps(bucket).encode())

    def flux(self, text):
        path = "/api/v2/query?" + urllib.parse.urlencode({"org": self.org})
        return self.call("POST", path, json.dumps({"query": text, "type": "flux"}).encode())

    def count(self, bucket, start, stop):
        text = f'from(bucket: "{bucket}") |> range(start: {start}, stop: {stop}) |> group() |> count()'
        rows = [row for row in self.flux(text).decode().split("\r\n") if row]
        return int(rows[-1].split(",")[-1])

    def connection(self):
        """One that is kept open, for requests one after the other."""
        return http.client.HTTPConnection(urllib.parse.urlsplit(self.host).netloc)

    def write(self, bucket, lines, precision="s", body_bytes=3_000_000):
        for body in bodies(lines, body_bytes):
            self.post(self.connection(), bucket, body, precision)

    def post(self, connection, bucket, body, precision):
        query = urllib.parse.urlencode({"org": self.org, "bucket": bucket, "precision": precision})
        connection.request("POST", f"/api/v2/write?{query}", body, self.headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 204:
            raise SystemExit(f"write: {answer.status} {text[:200]}")


def bodies(lines, body_bytes):
    body, size = [], 0
    for line in lines:
        body.append(line)
        size += len(line)
        if size >= body_bytes:
            yield "".join(body).encode()
            body, size = [], 0
    if body:
        yield "".join(body).encode()


def together(*works):
    """Runs all at once; gives the seconds until the last one ended. One that failed fails all."""
    failed = []

    def guarded(work):
        try:
            work()
        except BaseException as error:  # noqa: BLE001, it is raised again below
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return time.monotonic() - begin


def wait_until_idle(seconds_max=120):
    """Lets the servers finish what the last run left them to do, compactions above all, so that it is not paid by the next."""
    def busy_and_all():
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
        return sum(ticks) - ticks[3] - ticks[4], sum(ticks)

    end = time.monotonic() + seconds_max
    while time.monotonic() < end:
        busy, total = busy_and_all()
        time.sleep(2)
        busy_now, total_now = busy_and_all()
        if busy_now - busy < 0.08 * (total_now - total):
            return
    raise SystemExit(f"this machine was never idle in {seconds_max} s: something else runs on it")


def parser(doc):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for side in ("source", "destination"):
        parser.add_argument(f"--{side}-host", required=True)
        parser.add_argument(f"--{side}-org", required=True)
        parser.add_argument(f"--{side}-token-file", required=True)
    parser.add_argument("--sluice", default="target/release/sluice")
    return parser


def ends(args):
    return (End(args.source_host, args.source_org, args.source_token_file),
            End(args.destination_host, args.destination_org, args.destination_token_file))
