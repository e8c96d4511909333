"""Starting lstmcast with torchrun, on loopback."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
LONG = 400
"""Seconds after which something is wrong, even on a crowded machine."""


@dataclass
class Done:
    code: int
    out: str
    err: str


def environment(**more):
    own = {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return {**os.environ, **own, **more}


def start(folder, *arguments, count=2, flags=("--standalone",)):
    """torchrun, running; `--` keeps it from reading our `--run` as its own `--run-path`."""
    command = [*TORCHRUN, *flags, "--nproc-per-node", str(count), "-m", "lstmcast", "--"]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    try:
        out, err = process.communicate(timeout=LONG)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        raise
    return Done(process.returncode, out, err)


def torchrun(folder, *arguments, count=2, flags=("--standalone",)):
    return ended(start(folder, *arguments, count=count, flags=flags))


def process_of(torchrun_pid, rank):
    """The process id of a rank that a torchrun has started; None where it is not there."""
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit():
                continue
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == torchrun_pid:
                variables = (entry / "environ").read_bytes().split(b"\0")
                if f"RANK={rank}".encode() in variables:
                    return int(entry.name)
        except OSError:  # it has just ended
            continue
    return None


def wait_for(condition, process):
    """Until something is so, or the process has ended."""
    limit = time.monotonic() + LONG
    while process.poll() is None and time.monotonic() < limit:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"it never came to that: {process.communicate(timeout=LONG)}")
