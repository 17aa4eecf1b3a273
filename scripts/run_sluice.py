"""One `sluice migrate` as a whole program, with what it cost. Used by the measuring scripts beside this one."""

import json
import os
import subprocess
import tempfile
import time

import ends


def migrate(args, bucket, label, start, stop, interval, *flags):
    """Runs it into new buckets called after the label. Gives its summary with `seconds`, `rss_mib` and `cpu_s` added."""
    command = [args.sluice, "migrate", "--json", "--yes", "--create-buckets", "--start", start, "--stop", stop,
               "--batch-interval", interval, "--source-bucket", bucket,
               "--destination-bucket", f"{label}", "--batch-bucket", f"{label}_progress", *flags]
    for side in ("source", "destination"):
        command += [f"--{side}-host", getattr(args, f"{side}_host"), f"--{side}-org", getattr(args, f"{side}_org"),
                    f"--{side}-token-file", getattr(args, f"{side}_token_file")]
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


def peak_kib(pid):
    """The most resident memory so far. What the system tells of an ended child counts that of its parent in."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), None)
    except OSError:
        return None
