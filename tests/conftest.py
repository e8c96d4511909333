"""Shared ground: the command line in this process, and one small trained run."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.daily import TINY, daily_text

TOP = Path(__file__).parents[1]
NOT_LOOKED_INTO = {
    ".git", ".venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis",
    "build", "dist",
}  # fmt: skip
"""Folders in which tools, not tests, write."""


def files_of_the_tree():
    """All files of the checkout but those that tools write."""
    found = set()
    for folder, folders, names in os.walk(TOP):
        folders[:] = [name for name in folders if name not in NOT_LOOKED_INTO]
        found |= {Path(folder, name) for name in names}
    return found


def pytest_sessionstart(session):
    """Remember what the tree holds before the first test; the workers of xdist need not."""
    if not hasattr(session.config, "workerinput"):
        session.config.files_before = files_of_the_tree()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    """A run that leaves a file in the tree fails."""
    config = session.config
    if not hasattr(config, "workerinput"):
        config.files_left = sorted(files_of_the_tree() - config.files_before)
        if config.files_left:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    """Name the files that were left."""
    for path in config.files_left:
        terminalreporter.write_line(f"LEFT BEHIND by a test: {path.relative_to(TOP)}", red=True)


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(capfd, monkeypatch):
    """Run a command line; `cli("train", "x.csv")` gives exit code, stdout and stderr."""
    from lstmcast.cli.main import main

    def run(*arguments):
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["lstmcast", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code or 0
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def limits(monkeypatch):
    """Set sizes of `lstmcast.limits` for one test: `limits(ROWS_AT_ONCE=5)`."""
    from lstmcast import limits

    def change(**sizes):
        for name, size in sizes.items():
            monkeypatch.setattr(limits, name, size)

    return change


@pytest.fixture(scope="session")
def daily_run(tmp_path_factory):
    """A run folder trained on `daily_text`: lookback 14, horizon 3."""
    import lstmcast

    folder = tmp_path_factory.mktemp("daily")
    table = folder / "daily.csv"
    table.write_text(daily_text(), encoding="utf-8")
    overrides = ["window.lookback=14", "window.horizon=3", *TINY[1::2]]
    return lstmcast.train(table, set=overrides, run=folder / "run", device="cpu").path
