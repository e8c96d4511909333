"""Ensembles: each member is the network of its own seed, and the forecast combines all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from support.daily import daily_text
from support.interruption import FLAGS, SMALL, Killed, assert_same_run, die_after_saves

import lstmcast
from lstmcast.errors import ConfigError, RunError
from lstmcast.forecasting.model_file.model import load_model
from lstmcast.forecasting.predict import combined

CPU = torch.device("cpu")
THREE = [*SMALL, "training.members=3"]
FLAGS_OF_THREE = [*FLAGS, "-s", "training.members=3"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three members, and three runs of one, each with the seed of a member."""
    folder = tmp_path_factory.mktemp("members")
    (folder / "daily.csv").write_text(daily_text())
    lstmcast.train(folder / "daily.csv", set=THREE, run=folder / "all", device="cpu")
    for seed in range(3):
        settings = [*SMALL, f"training.seed={seed}"]
        lstmcast.train(folder / "daily.csv", set=settings, run=folder / f"{seed}", device="cpu")
    return folder


@pytest.fixture
def daily(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "daily.csv").write_text(daily_text())
    return tmp_path / "daily.csv"


def test_each_member_is_the_network_that_its_seed_gives_alone(runs: Path) -> None:
    tensors = load_file(runs / "all/model.safetensors")
    alone = [load_file(runs / f"{seed}/model.safetensors") for seed in range(3)]
    assert len(tensors) == 3 * len(alone[0])
    for prefix, weights in zip(("", "members.2.", "members.3."), alone, strict=True):
        for name, value in weights.items():
            assert torch.equal(tensors[f"{prefix}{name}"], value), name
    members = load_model(runs / "all/model.safetensors", CPU).members
    for network, weights in zip(members, alone, strict=True):
        assert all(
            torch.equal(value, weights[name]) for name, value in network.state_dict().items()
        )


@pytest.mark.parametrize("how", ["median", "mean"])
def test_the_forecast_is_made_of_those_of_the_members(runs: Path, tmp_path: Path, how: str) -> None:
    table = runs / "daily.csv"
    run = lstmcast.train(
        table, set=[*THREE, f"training.combine={how}"], run=tmp_path / "r", device="cpu"
    )
    alone = [lstmcast.predict(runs / f"{seed}", table, device="cpu").sales for seed in range(3)]
    assert len({each.iloc[0] for each in alone}) == 3
    expected = getattr(np, how)(alone, axis=0)
    np.testing.assert_allclose(run.predict(device="cpu").sales, expected, rtol=1e-6)
    np.testing.assert_allclose(run.forecast.sales, expected, rtol=1e-6)
    test = pd.read_csv(run.path / "backtest.csv").sales
    single = [pd.read_csv(runs / f"{seed}/backtest.csv").sales for seed in range(3)]
    np.testing.assert_allclose(test, getattr(np, how)(single, axis=0), rtol=1e-6)


def test_history_has_a_member_column_and_the_manifest_tells_of_each(runs: Path) -> None:
    history = pd.read_csv(runs / "all/history.csv")
    assert history.columns[0] == "member"
    for seed in range(3):
        own = history[history.member == seed + 1].drop(columns=["member", "seconds"])
        alone = pd.read_csv(runs / f"{seed}/history.csv").drop(columns="seconds")
        pd.testing.assert_frame_equal(own.reset_index(drop=True), alone)
    manifest = json.loads((runs / "all/manifest.json").read_text())
    single = [json.loads((runs / f"{seed}/manifest.json").read_text()) for seed in range(3)]
    assert [each["best_epoch"] for each in manifest["training"]["members"]] == [
        each["training"]["best_epoch"] for each in single
    ]
    assert manifest["parameters"] == 3 * single[0]["parameters"]


def test_one_member_is_written_as_without_members(runs: Path, tmp_path: Path) -> None:
    lstmcast.train(
        runs / "daily.csv",
        set=[*SMALL, "training.members=1"],
        run=tmp_path / "r",
        device="cpu",
    )
    assert "member" not in pd.read_csv(tmp_path / "r/history.csv")
    for name in ("model.safetensors", "forecast.csv", "metrics.json"):
        assert (tmp_path / "r" / name).read_bytes() == (runs / "0" / name).read_bytes()


# ---------------------------------------------------------------- resume


@pytest.mark.parametrize("name", ["fit", "fit2", "fit3"])
def test_a_run_killed_in_any_member_resumes_to_the_same_bits(
    cli: Any, daily: Path, runs: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with monkeypatch.context() as patch:
        die_after_saves(patch, 3, name)
        with pytest.raises(Killed):
            cli("train", daily, *FLAGS_OF_THREE, "--run", "r")
    finished = {"fit": set(), "fit2": {"fit"}, "fit3": {"fit", "fit2"}}[name]
    kept = {path.name.partition("-")[0] for path in Path("r/checkpoint").glob("*.safetensors")}
    assert kept == finished | {name}
    torch.rand(7)  # the random state of the new process is arbitrary
    outcome = cli("train", "--resume", "r")
    assert outcome.code == 0, outcome.err
    assert_same_run(Path("r"), runs / "all")
    assert not Path("r/checkpoint").exists()


def test_members_resume_while_training_once_more_on_all_rows(
    cli: Any, daily: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = [*FLAGS, "-s", "training.members=2", "-s", "training.refit=all"]
    assert cli("train", daily, *flags, "--run", "whole").code == 0
    with monkeypatch.context() as patch:
        die_after_saves(patch, 5, "refit2")
        with pytest.raises(Killed):
            cli("train", daily, *flags, "--run", "r")
    assert cli("train", "--resume", "r").code == 0
    assert_same_run(Path("r"), Path("whole"))


# ---------------------------------------------------------------- other commands


def test_backtests_forecast_with_all_members_and_warm_ones_keep_the_weights_of_each(
    cli: Any, daily: Path, runs: Path
) -> None:
    assert cli("backtest", runs / "all", "--step", 5).code == 0
    folder = sorted((runs / "all/backtests").iterdir())[-1]
    frame = pd.read_csv(folder / "backtest.csv")
    stamp = frame.origin.iloc[-1]
    fresh = lstmcast.predict(runs / "all", daily, at=stamp, device="cpu")
    np.testing.assert_array_equal(frame[frame.origin == stamp].sales, fresh.sales)
    flags = [*FLAGS, "-s", "training.members=2", "-s", "training.learning_rate=1e-12"]
    outcome = cli("backtest", daily, *flags, "--folds", 2, "--step", 20, "--refit", "1:warm")
    assert outcome.code == 0, outcome.err
    # With a learning rate near 0, a warm start gives the second fold the members of the first.
    warm = pd.read_csv("backtests/daily-0001/backtest.csv")
    for member in ("1", "2"):  # seeds 0 and 1; a fold of both equals neither
        single = [*FLAGS, "-s", f"training.seed={int(member) - 1}"]
        single += ["-s", "training.learning_rate=1e-12"]
        assert cli("backtest", daily, *single, "--folds", 2, "--step", 20).code == 0
    alone = [pd.read_csv(f"backtests/daily-000{k}/backtest.csv").sales for k in (2, 3)]
    np.testing.assert_allclose(warm.sales[:3], np.median(alone, axis=0)[:3], rtol=1e-6)


def test_a_run_of_members_is_trained_again_to_the_same_bits(
    cli: Any, runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = cli("rerun", runs / "all", "--verify")
    assert outcome.code == 0, outcome.err + outcome.out


def test_inspect_shows_the_first_member_and_says_so(cli: Any, runs: Path) -> None:
    outcome = cli("inspect", runs / "all", "--json")
    assert outcome.code == 0, outcome.err
    said, alone = json.loads(outcome.out), json.loads(cli("inspect", runs / "0", "--json").out)
    (note,) = said.pop("notes")
    assert "the median of 3 members; this is the first, with seed 0" in note
    assert said["layers"] == alone["layers"]
    assert "this is the first" in cli("inspect", runs / "all", "--trace").err


def test_one_bias_weights_are_of_one_network(runs: Path) -> None:
    with pytest.raises(ConfigError, match="this run has 3 members"):
        lstmcast.Run(runs / "all").keras_weights()


def test_training_says_which_member_it_is_at_and_which_ran_away(cli: Any, daily: Path) -> None:
    outcome = cli("train", daily, *FLAGS, "-s", "training.members=2", "--run", "r", "--json")
    assert "the median of 2 members" in outcome.err
    assert "training member 2 of 2" in outcome.err and "member 2: best epoch" in outcome.err
    assert len(json.loads(outcome.out)["best_epochs"]) == 2
    wild = ["-s", "training.learning_rate=1e30", "-s", "training.clip_norm=null"]
    outcome = cli("train", daily, *FLAGS, "-s", "training.members=2", *wild, "--run", "w")
    assert outcome.code == 4 and "member 1 of 2: training diverged" in outcome.err


def test_a_way_to_combine_needs_members(cli: Any, daily: Path) -> None:
    outcome = cli("train", daily, *FLAGS, "-s", "training.combine=mean")
    assert outcome.code == 2 and "has no effect with training.members: 1" in outcome.err


# ---------------------------------------------------------------- the parts


def test_combined_quantiles_rise_as_those_of_the_members_do() -> None:
    rng = np.random.default_rng(0)
    made = [np.sort(rng.normal(size=(5, 40, 3, 2)), axis=0) for _ in range(4)]
    for how in ("median", "mean"):
        one = combined(made, how)
        assert one.shape == (5, 40, 3, 2) and (np.diff(one, axis=0) >= 0).all()
        expected = getattr(pd.DataFrame([each.ravel() for each in made]), how)()
        np.testing.assert_allclose(one.ravel(), expected, rtol=1e-12)
    assert combined(made[:1], "median") is made[0]


def test_a_file_with_a_member_too_few_is_refused(runs: Path, tmp_path: Path) -> None:
    from lstmcast.runs.tensors import TensorFile, write_tensors

    file = TensorFile(runs / "all/model.safetensors", "lstmcast")
    tensors = {name: v for name, v in file.read().items() if not name.startswith("members.3")}
    write_tensors(tmp_path / "m.safetensors", tensors, "lstmcast", file.described)
    with pytest.raises(RunError, match=r"members\.3\..* is missing"):
        load_model(tmp_path / "m.safetensors", CPU)
    described = json.loads(json.dumps(file.described))
    described["config"]["training"]["members"] = 10**9
    write_tensors(tmp_path / "n.safetensors", tensors, "lstmcast", described)
    with pytest.raises(RunError, match="members"):
        load_model(tmp_path / "n.safetensors", CPU)
