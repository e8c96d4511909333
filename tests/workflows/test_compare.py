"""Runs side by side: order, what differs, the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.daily import TINY, daily_text

from lstmcast.workflows.compare import badness

FLAGS = ["-s", "window.lookback=14", "-s", "window.horizon=3", "-s", "network.skip=none", *TINY]


@pytest.fixture
def runs(cli, tmp_path, monkeypatch):
    """Three runs of one table; the second trains longest."""
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(daily_text(240))
    for name, changes in (
        ("short", ["-s", "training.max_steps=1"]),
        ("long", ["-s", "training.max_epochs=12", "-s", "training.learning_rate=0.02"]),
        ("gru", ["-s", "network.cell=gru"]),
    ):
        assert cli("train", "t.csv", *FLAGS, *changes, "--run", f"runs/{name}").code == 0
    return tmp_path / "runs"


def test_runs_are_ordered_by_their_score_and_told_apart_by_what_differs(cli, runs):
    said = json.loads(cli("compare", "runs", "--json").out)
    scores = {
        path.name: json.loads((path / "metrics.json").read_text())["test"]["lstmcast"]
        for path in runs.iterdir()
    }
    order = sorted(scores, key=lambda name: scores[name]["mae"])
    assert [Path(run["run"]).name for run in said["runs"]] == order and order[0] == "long"
    for run in said["runs"]:
        of = scores[Path(run["run"]).name]
        assert run["scores"].items() <= of.items() and run["scores"]["skill"] == of["skill"]
    differs = {Path(run["run"]).name: run["differs"] for run in said["runs"]}
    assert set(differs["gru"]) == {
        "network.cell",
        "training.learning_rate",
        "training.max_epochs",
        "training.max_steps",
    }
    assert differs["gru"]["network.cell"] == "gru" and differs["short"]["training.max_steps"] == "1"
    assert said["judged_alike"]


def test_named_runs_and_their_folder_are_the_same_and_each_is_shown_once(cli, runs):
    named = cli("compare", "runs/short", "runs/long", "runs/gru", "runs")
    assert named.out == cli("compare", "runs").out
    assert "network.cell=gru" in named.out and "mae" in named.out
    assert all(len(line) <= 80 for line in named.out.splitlines())


@pytest.mark.parametrize("measure", ["skill", "coverage_80", "bias", "rmse"])
def test_any_score_can_be_sorted_by_the_best_first(cli, runs, measure):
    said = json.loads(cli("compare", "runs", "--sort", measure, "--json").out)
    values = [run["scores"][measure] for run in said["runs"]]
    oracle = {
        "skill": lambda value: -value,
        "coverage_80": lambda value: abs(value - 0.8),
        "bias": abs,
        "rmse": float,
    }[measure]
    assert values == sorted(values, key=oracle)
    assert badness(measure, values[0]) == min(badness(measure, value) for value in values)


def test_runs_judged_on_other_rows_are_said_not_to_compare(cli, runs):
    Path("u.csv").write_text(daily_text(240, seed=1))
    assert cli("train", "u.csv", *FLAGS, "--run", "runs/other").code == 0
    assert "scores may not be comparable" in cli("compare", "runs").out
    assert "scores may not be comparable" not in cli("compare", "runs/gru", "runs/long").out


def test_a_run_without_test_rows_comes_last_with_a_dash(cli, runs):
    assert cli("train", "t.csv", *FLAGS, "-s", "split.test=0", "--run", "runs/untested").code == 0
    outcome = cli("compare", "runs")
    assert outcome.code == 0
    rows = outcome.out.split("\n\n")[0].splitlines()
    assert rows[-1].startswith("untested") and rows[-1].split()[1] == "-"


def test_what_cannot_be_compared_is_refused(cli, runs):
    (runs.parent / "empty").mkdir()
    for flags, code, said in (
        (["empty"], 5, "nor a folder of runs"),
        (["nowhere"], 5, "nowhere is neither a finished run"),
        (["runs", "--sort", "speed"], 2, "--sort speed"),
    ):
        outcome = cli("compare", *flags)
        assert outcome.code == code and said in outcome.err
    (runs / "gru" / "metrics.json").write_text("{")
    assert cli("compare", "runs").code == 5
