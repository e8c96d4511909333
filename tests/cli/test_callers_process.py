"""The Python functions leave the process of its caller as it was; the command sets its own up."""

import os
import random
import signal
import subprocess
import sys
import warnings

import numpy as np
import pyarrow as pa
import pytest
import torch
from support.daily import TINY, daily_text

import lstmcast


def state():
    """What holds for a process as a whole."""
    return {
        "threads": torch.get_num_threads(),
        "torch's random numbers": torch.get_rng_state().tolist(),
        "numpy's random numbers": np.random.get_state()[1].tolist(),
        "Python's random numbers": random.getstate(),
        "memory pool": pa.default_memory_pool().backend_name,
        "filters": [*warnings.filters],
        "environment": dict(os.environ),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "numbers next to zero": sys.float_info.min / 2,
        "gradients": torch.is_grad_enabled(),
        "folder": os.getcwd(),
    }


def test_the_python_face_changes_nothing_of_its_callers_process(tmp_path):
    (tmp_path / "daily.csv").write_text(daily_text())
    settings = [*TINY[1::2], "window.lookback=14", "window.horizon=3"]
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        before = state()
        run = lstmcast.train(tmp_path / "daily.csv", set=settings, run=tmp_path / "r", device="cpu")
        assert state() == before
        run.predict()
        lstmcast.backtest(run.path, folds=2)
        lstmcast.inspect(run.path, trace=True)
        lstmcast.rerun(run.path, verify=True)
        lstmcast.report(run.path)
        assert state() == before
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("own", [None, "mimalloc"])
def test_the_command_gives_memory_back_unless_the_environment_says_otherwise(own):
    program = (
        "from lstmcast.__main__ import set_up_process; set_up_process(); import pyarrow; "
        "print(pyarrow.default_memory_pool().backend_name)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "ARROW_DEFAULT_MEMORY_POOL"}
    if own:
        environment["ARROW_DEFAULT_MEMORY_POOL"] = own
    said = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
    assert said.strip() == (own or "system")
