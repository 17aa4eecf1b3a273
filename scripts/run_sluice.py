"""One run of sluice as a whole program, with what it cost. Used by the measuring scripts beside this one."""

import json
import os
import subprocess
import tempfile
import time

import ends


def migrate(args, bucket, label, start, stop, interval, *flags):
    """Migrates into new buckets called after the label. Gives the summary with `seconds`, `rss_mib` and `cpu_s` added."""
    return run(args, "migrate", "--json", "--yes", "--create-buckets", *_part(start, stop, interval),
               "--source-bucket", bucket, "--destination-bucket", label, "--batch-bucket", f"{label}_progress",
               *end(args, "source"), *end(args, "destination"), *flags)


def stage(args, bucket, folder, start, stop, interval):
    """Stages into a folder; likewise."""
    return run(args, "migrate", "--json", "--yes", "--spool", "parquet", "--spool-dir", folder,
               *_part(start, stop, interval), "--source-bucket", bucket, *end(args, "source"))


def load(args, folder, label):
    """Loads a spool into new buckets called after the label; likewise."""
    return run(args, "load", folder, "--json", "--yes", "--create-buckets", "--destination-bucket", label,
               "--batch-bucket", f"{label}_progress", *end(args, "destination"))


def _part(start, stop, interval):
    return "--start", start, "--stop", stop, "--batch-interval", interval


def end(args, side):
    """The flags that name one end."""
    flags = []
    for what in ("host", "org", "token_file"):
        flags += [f"--{side}-{what.replace('_', '-')}", getattr(args, f"{side}_{what}")]
    return flags


def run(args, *words):
    """Runs a command to its end. Gives its last line with `seconds`, `rss_mib` and `cpu_s` added."""
    command = [args.sluice, *words]
    ends.wait_until_idle()
    with tempfile.TemporaryDirectory() as state, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as talk:
        begin = time.monotonic()
        child = subprocess.Popen(command, stdout=out, stderr=talk, env={**os.environ, "XDG_STATE_HOME": state})
        rss_kib = 0
        while (ended := os.wait4(child.pid, os.WNOHANG))[0] == 0:
            rss_kib = peak_kib(child.pid) or rss_kib
            time.sleep(0.01)
        _, status, used = ended
        seconds = time.monotonic() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        lines = [json.loads(line) for line in out]
        if child.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit {child.returncode}: {lines[-1:]}")
    summary = lines[-1]
    summary.update(seconds=seconds, rss_mib=rss_kib / 1024, cpu_s=used.ru_utime + used.ru_stime)
    return summary


def lines(args, *words):
    """Runs a command that is not measured. Gives its lines."""
    with tempfile.TemporaryDirectory() as state:
        done = subprocess.run([args.sluice, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env={**os.environ, "XDG_STATE_HOME": state})
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.decode()[-500:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def peak_kib(pid):
    """The most resident memory so far. What the system tells of an ended child counts that of its parent in."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), None)
    except OSError:
        return None
