"""Memory is estimated before the first step; too large a training is refused with advice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from support.daily import TINY, daily_text

from lstmcast.config import build_config
from lstmcast.config.values import memory_bytes
from lstmcast.network.forecaster import build_forecaster
from lstmcast.network.kernel import load
from lstmcast.network.sizes import Sizes
from lstmcast.pipeline import free_memory, memory

FLAGS = ["-s", "window.lookback=14", "-s", "window.horizon=3", *TINY]
CPU = torch.device("cpu")


@pytest.fixture
def daily(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "daily.csv").write_text(daily_text())
    return tmp_path / "daily.csv"


def window_bytes(*settings: str, lookback: int = 50) -> int:
    values = ["data.path=t.csv", "data.target=y", f"window.lookback={lookback}", *settings]
    config = build_config({}, values)
    network = build_forecaster(config.network, Sizes(lookback, 4, 2, 1), "mae", 0)
    return memory.measure_window_bytes(network, config, CPU)


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4 * 10**9), ("512MB", 512 * 10**6), ("1.5 GiB", 3 * 2**29), ("2tb", 2 * 10**12)],
)
def test_sizes_of_memory_are_read(text: str, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize("text", ["4", "GB", "-1GB", "4GBs", "1e9GB", "", "٤GB", "4 G B"])
def test_what_is_no_size_is_refused_with_examples(cli: Any, daily: Path, text: str) -> None:
    outcome = cli("train", daily, *FLAGS, "-s", f"training.memory_limit={text}")
    assert outcome.code == 2 and "training.memory_limit" in outcome.err and "4GB" in outcome.err


def test_a_run_that_cannot_fit_is_refused_before_it_begins(cli: Any, daily: Path) -> None:
    limit = ["-s", "training.memory_limit=200MB"]
    outcome = cli("train", daily, *FLAGS, *limit, "--run", "r")
    assert outcome.code == 2 and outcome.out == ""
    last = outcome.err.splitlines()[-1]
    assert "training.memory_limit allows 200 MB" in last and "needs about" in last
    assert not Path("r").exists()
    assert cli("backtest", daily, *FLAGS, *limit, "--folds", "1").code == 2


def test_a_batch_that_is_too_large_is_told_the_size_that_fits(cli: Any, daily: Path) -> None:
    daily.write_text(daily_text(rows=300))
    window = ["-s", "window.lookback=100", "-s", "window.horizon=3", "-s", "network.units=64"]
    limit = ["-s", "training.memory_limit=3GB", "-s", "training.max_steps=1"]
    many = ["-s", "training.batch_size=100000"]
    outcome = cli("train", daily, *window, *limit, *many, "--run", "r")
    assert outcome.code == 2
    found = re.search(r"Lower training.batch_size to ([\d,]+) or less", outcome.err)
    assert found is not None, outcome.err
    fitting = int(found[1].replace(",", ""))
    assert 1_000 < fitting < 30_000  # a separate process uses less memory
    fits = ["-s", f"training.batch_size={int(0.95 * fitting)}"]
    assert cli("train", daily, *window, *limit, *fits, "--run", "r").code == 0


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (["network.units=[200000]"], "network.units"),
        (["network.units=[3000]", "training.members=100"], "training.members"),
        (["window.lookback=1000000", "window.pad=true", "network.units=8"], "window.lookback"),
    ],
)
def test_the_field_to_lower_is_named(
    cli: Any, daily: Path, settings: list[str], field: str
) -> None:
    flags = [word for text in settings for word in ("-s", text)]
    outcome = cli("train", daily, *FLAGS, *flags, "-s", "training.memory_limit=8GB")
    assert outcome.code == 2
    assert field in outcome.err.rpartition("Lower ")[2], outcome.err


def test_without_a_limit_the_machine_has_one(
    cli: Any, daily: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(free_memory, "available", lambda: 1_000)
    outcome = cli("train", daily, *FLAGS)
    assert outcome.code == 2 and "there are" in outcome.err
    assert cli("train", daily, *FLAGS, "-s", "training.memory_limit=1TB").code == 0
    monkeypatch.setattr(free_memory, "available", lambda: None)  # unknown
    assert cli("train", daily, *FLAGS).code == 0


def test_a_file_that_cannot_fit_is_refused_unread(
    cli: Any, daily: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (daily.parent / "huge.csv").open("wb") as file:
        file.truncate(10**13)  # zeros, without a byte on disk
    for module in ("tables.read", "tables.peek", "proposing.propose"):
        monkeypatch.setattr(f"lstmcast.{module}.read_bytes", lambda *a: pytest.fail("it was read"))
    outcome = cli("train", "huge.csv", *FLAGS)
    assert outcome.code == 2 and "10000.0 GB" in outcome.err and "Parquet" in outcome.err


def test_forecast_and_peak_stand_in_the_manifest(cli: Any, daily: Path) -> None:
    assert cli("train", daily, *FLAGS, "--run", "r").code == 0
    told = json.loads(Path("r/manifest.json").read_text())["memory"]
    assert told["forecast_bytes"] > 10**8 and told["peak_bytes"] > 10**8


def test_a_look_at_memory_changes_no_bit_of_chance_or_weights() -> None:
    config = build_config(
        {}, ["data.path=t", "data.target=y", "network.dropout=0.5", "network.initial_state=random"]
    )
    network = build_forecaster(config.network, Sizes(96, 24, 1, 1), "mae", 0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    assert memory.measure_window_bytes(network, config, CPU) > 0
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_window_needs_more_with_its_steps_units_and_layers(cell: str) -> None:
    kind = f"network.cell={cell}"
    one = window_bytes(kind, "network.units=32")
    assert 1.7 * one < window_bytes(kind, "network.units=32", lookback=100) < 2.3 * one
    assert 1.4 * one < window_bytes(kind, "network.units=64") < 2.3 * one
    assert 1.2 * one < window_bytes(kind, "network.units=[32, 32]") < 2.3 * one


def test_the_least_of_what_machine_and_container_leave_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {
        "/proc/meminfo": "MemTotal: 900 kB\nMemAvailable: 500 kB",
        "/proc/self/cgroup": "0::/job",
        "/sys/fs/cgroup/memory.max": "max",
        "/sys/fs/cgroup/job/memory.max": "400000",
        "/sys/fs/cgroup/job/memory.current": "300000",
        "/sys/fs/cgroup/job/memory.stat": "anon 1\ninactive_file 50000\n",
    }

    def read_text(path: Path, **_: Any) -> str:
        if str(path) not in files:
            raise FileNotFoundError(path)
        return files[str(path)]

    monkeypatch.setattr(Path, "read_text", read_text)
    assert free_memory.available() == 150_000
    del files["/sys/fs/cgroup/job/memory.max"]
    assert free_memory.available() == 512_000
    files["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = "1000"
    files["/sys/fs/cgroup/memory/memory.usage_in_bytes"] = "5000"
    assert free_memory.available() == 0


@pytest.mark.skipif(load.library() is None, reason="no layer.c for this machine")
def test_a_window_is_measured_by_the_code_that_large_batches_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = window_bytes("network.units=64", lookback=100)
    monkeypatch.setattr("lstmcast.network.kernel.autograd.library", lambda: None)
    assert own != window_bytes("network.units=64", lookback=100), "torch's LSTM keeps other things"
