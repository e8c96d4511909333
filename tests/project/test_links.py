"""A run folder from a stranger: no link in it leads a command out of it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.files import digests

from lstmcast.errors import RunError
from lstmcast.runs.folder import RunFolder
from lstmcast.runs.reading import inside

FILES = ("config.yaml", "model.safetensors", "metrics.json", "manifest.json", "backtest.csv")
COMMANDS = {
    "predict": ["config.yaml", "model.safetensors"],
    "report": ["config.yaml", "metrics.json", "manifest.json", "backtest.csv", "history.csv"],
    "backtest": ["config.yaml", "model.safetensors"],
    "inspect --trace": ["config.yaml", "model.safetensors", "manifest.json"],
    "compare": ["metrics.json", "config.yaml"],
    "rerun": ["manifest.json", "config.yaml", "model.safetensors"],
    "train --resume": ["config.yaml"],
}


@pytest.fixture
def run(daily_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a run, and a private file beside it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(daily_run, tmp_path / "r")
    (tmp_path / "private").write_text("a secret\n")
    return Path("r")


@pytest.mark.parametrize(
    ("command", "name"), [(command, name) for command, names in COMMANDS.items() for name in names]
)
def test_a_link_out_of_the_folder_is_refused(cli: Any, run: Path, command: str, name: str) -> None:
    shutil.move(run / name, "moved")
    (run / name).symlink_to(Path("moved").resolve())
    before = digests(Path())
    outcome = cli(*command.split(), run)
    assert outcome.code == 5, outcome
    assert f"{name} is a link that leads out" in outcome.err and "secret" not in outcome.err
    assert digests(Path()) == before


def test_a_link_within_the_folder_and_to_the_folder_are_followed(cli: Any, run: Path) -> None:
    (run / "model.safetensors").rename(run / "best.safetensors")
    (run / "model.safetensors").symlink_to("best.safetensors")
    Path("latest").symlink_to("r")
    Path("model").symlink_to("r/best.safetensors")
    for named in ("r", "latest"):
        outcome = cli("predict", named)
        assert outcome.code == 0 and outcome.out == (run / "forecast.csv").read_text()
    assert cli("predict", "model", run.resolve().parent / "private").code == 3  # it was opened


def test_links_are_replaced_and_not_written_through(cli: Any, run: Path) -> None:
    Path("f.csv").symlink_to("private")
    assert cli("predict", run, "-o", "f.csv").code == 0
    assert Path("private").read_text() == "a secret\n" and not Path("f.csv").is_symlink()


def test_a_lock_that_is_a_link_costs_nothing(cli: Any, run: Path) -> None:
    (run / "manifest.json").unlink()
    (run / ".lock").symlink_to(Path("private").resolve())
    outcome = cli("train", "--resume", run)
    assert outcome.code == 5 and ".lock is a link" in outcome.err
    assert Path("private").read_text() == "a secret\n"
    (run / ".lock").unlink()
    (run / ".lock").symlink_to("/dev/zero")
    assert RunFolder(run).writer() is None


def test_checkpoints_elsewhere_are_neither_read_nor_removed(cli: Any, run: Path) -> None:
    Path("mine").mkdir()
    Path("mine/weights.safetensors").write_text("of another tool")
    Path("mine/begun.json").write_text("{}")
    (run / "checkpoint").symlink_to(Path("mine").resolve())
    for complete in (True, False):
        if not complete:
            (run / "manifest.json").unlink()
        outcome = cli("train", "--resume", run)
        assert outcome.code == 5 and "checkpoint" in outcome.err
        assert sorted(path.name for path in Path("mine").iterdir()) == [
            "begun.json",
            "weights.safetensors",
        ]


def test_what_is_no_file_is_not_waited_for(cli: Any, run: Path) -> None:
    for name in ("metrics.json", "config.yaml"):
        (run / name).unlink()
        os.mkfifo(run / name)
        outcome = cli("report", run)
        assert outcome.code == 5 and "neither a file nor a folder" in outcome.err
        (run / name).unlink()
        (run / name).write_text("{}")


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(RunError, match="leads out"):
        inside(tmp_path, "a")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "[1]", "", "{", "\0" * 99])
@pytest.mark.parametrize("name", ["metrics.json", "manifest.json"])
def test_json_that_is_none_is_damage(cli: Any, run: Path, name: str, text: str) -> None:
    (run / name).write_text(text)
    for command in ("report", "rerun"):
        if command == "rerun" and name == "metrics.json":
            continue
        outcome = cli(command, run)
        assert outcome.code == 5 and name in outcome.err and len(outcome.err) < 1000


def test_json_beyond_all_bounds_is_damage(run: Path, cli: Any) -> None:
    with (run / "metrics.json").open("wb") as file:
        file.truncate(2**40)
    outcome = cli("report", run)
    assert outcome.code == 5 and "damaged" in outcome.err
    assert json.loads((run / "manifest.json").read_text())["data"]["rows"] == 120
