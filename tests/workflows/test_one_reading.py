"""A table is opened at most twice, parsed once, and put on its grid once, by any command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.daily import TINY, daily_text

from lstmcast.panel import build
from lstmcast.panel.build import read_columns
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import build_training_panel, read_training_table
from lstmcast.proposing.propose import propose_config
from lstmcast.tables import csv_rows

SMALL = ["-s", "window.lookback=14", "-s", "window.horizon=3", *TINY]

NUMBERED = "day,shop,sales\n" + "".join(
    f"2024-01-01T{hour:02d}:00:00,{shop},{hour % 5 + shop}\n"
    for shop in (3, 7, 12)
    for hour in range(24)
)
"""Series named by numbers, which are read as numbers before the series column is known."""

ROWS = "V1,V2,V3,V4,V5,V6,V7,V8\n" + "".join(
    f"N{k},{','.join(str(k + step % 3) for step in range(7))}\n" for k in range(5)
)

_opened: list[str] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | Path):
        _opened.append(str(arguments[0]))


sys.addaudithook(_hear)  # a hook cannot be removed: it only takes notes


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, int]]:
    """Counts of opening, parsing and gridding data.csv since the start."""
    counts = {"parsed": 0, "laid": 0}
    begin = len(_opened)

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            counts[name] += 1
            return function(*arguments, **named)

        return call

    monkeypatch.setattr(csv_rows, "_parse", counting("parsed", csv_rows._parse))
    monkeypatch.setattr(build, "place_rows", counting("laid", build.place_rows))

    def told() -> dict[str, int]:
        opened = sum(Path(path).name == "data.csv" for path in _opened[begin:])
        return {"opened": opened, **counts}

    return told


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data.csv"
    path.write_text(daily_text())
    return path


@pytest.mark.parametrize(
    ("command", "opened", "laid"),
    [
        (["train", "data.csv", "--run", "r", "--device", "cpu", *SMALL], 1, 1),
        (["window", "data.csv", "-o", "w", *SMALL], 1, 1),
        (["inspect", "data.csv", *SMALL], 1, 1),
        (
            ["check", "data.csv"],
            2,
            2,
        ),  # the dialect, then the data; the grids of `init` and of `train`
        (["init", "data.csv"], 1, 1),
    ],
)
def test_a_table_without_a_config_is_read_once(
    cli: Any, data: Path, counted: Any, command: list[str], opened: int, laid: int
) -> None:
    outcome = cli(*command)
    assert outcome.code == 0, outcome.err
    assert counted() == {"opened": opened, "parsed": 1, "laid": laid}


def test_to_tell_lines_of_findings_takes_one_more_look(
    cli: Any, data: Path, request: pytest.FixtureRequest
) -> None:
    lines = daily_text().splitlines()
    data.write_text("\n".join([*lines[:60], f"{lines[60].split(',')[0]},900", *lines[61:], ""]))
    counted = request.getfixturevalue("counted")  # writing the file opened it
    assert cli("train", "data.csv", "--run", "r", "--device", "cpu", *SMALL).code == 0
    assert "line 61" in Path("r/findings.json").read_text()
    assert counted() == {"opened": 2, "parsed": 1, "laid": 1}


def test_a_backtest_reads_once_whatever_its_folds(cli: Any, data: Path, counted: Any) -> None:
    outcome = cli("backtest", "data.csv", "--folds", "2", "--device", "cpu", *SMALL)
    assert outcome.code == 0, outcome.err
    found = counted()
    assert (found["opened"], found["parsed"]) == (1, 1)


@pytest.mark.parametrize("text", [daily_text(), NUMBERED, ROWS], ids=["daily", "numbered", "rows"])
def test_what_is_handed_on_is_what_would_be_read_again(data: Path, text: str) -> None:
    data.write_text(text)
    config, handed = propose_config("data.csv", [], ProgressListener())
    again = read_columns(config.data)
    table = read_training_table(config, ProgressListener(), handed)
    assert (table.table.name, table.table.sha256) == (again.name, again.sha256)
    assert list(table.table.frame) == list(again.frame)
    for name in again.frame:
        assert table.table.frame[name].dtype == again.frame[name].dtype
        assert list(table.table.frame[name]) == list(again.frame[name])
    panel = build_training_panel(table, config)
    expected = build.build_panel(again, config.data, horizon=config.window.horizon)
    assert (panel.names, panel.columns, panel.frequency) == (
        expected.names,
        expected.columns,
        expected.frequency,
    )
    np.testing.assert_array_equal(panel.values, expected.values)
    np.testing.assert_array_equal(panel.source_rows, expected.source_rows)


@pytest.mark.parametrize("command", ["init", "train", "window"])
def test_standard_input_has_no_proposal(cli: Any, data: Path, command: str) -> None:
    outcome = cli(command, "-", *(["-o", "w"] if command == "window" else []))
    assert outcome.code == 3 and "save the table as a file" in outcome.err
    assert [path.name for path in data.parent.iterdir()] == ["data.csv"]


def test_who_takes_a_table_has_it_alone(data: Path) -> None:
    config, handed = propose_config("data.csv", [], ProgressListener())
    assert len(handed.table.frame.columns) == 2 and handed.panel is not None
    taken = read_training_table(config, ProgressListener(), handed)
    assert len(taken.table.frame.columns) == 2
    assert len(handed.table.frame.columns) == 0 and handed.panel is None
