"""Backtests from rolling origins: folds against a fresh train and predict, pandas, and the gate."""

from __future__ import annotations

import io
import json
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console
from support.daily import TINY, daily_text
from support.files import digests

import lstmcast
import lstmcast.pipeline.forecast
import lstmcast.workflows.backtest
from lstmcast.backtesting.gate import Gate, parse_gates
from lstmcast.backtesting.plan import Plan
from lstmcast.errors import ConfigError, Diverged
from lstmcast.pipeline.forecast import forecast_series
from lstmcast.terminal.terminal import Terminal
from lstmcast.workflows.backtest import backtest

FLAGS = ["-s", "window.lookback=14", "-s", "window.horizon=3", *TINY]


@pytest.fixture
def daily(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "daily.csv").write_text(daily_text(240))
    return tmp_path / "daily.csv"


@pytest.fixture
def run(cli, daily):
    assert cli("train", daily, *FLAGS, "--run", "r").code == 0
    return Path("r")


def found(folder):
    folder = Path(folder)
    return json.loads((folder / "metrics.json").read_text()), pd.read_csv(folder / "backtest.csv")


def panel_text(ends_early: int) -> str:
    """Two shops with a promo as future covariate; shop b may end some days earlier."""
    rng = np.random.default_rng(3)
    rows = ["shop,day,sold,promo"]
    for name, length in (("a", 200), ("b", 200 - ends_early)):
        for n in range(length):
            promo = int(n % 5 == 0)
            day = np.datetime64("2024-01-01") + n
            rows.append(f"{name},{day},{30 + 9 * promo + rng.normal():.2f},{promo}")
    return "\n".join(rows) + "\n"


PANEL = ["-s", "data.time=day", "-s", "data.target=sold", "-s", "data.series=shop", *FLAGS]


@pytest.mark.parametrize(
    ("ends_early", "settings"),
    [
        (0, ["data.future=promo", "training.refit=none"]),
        (7, ["data.past=promo", "training.refit=all"]),
    ],
)
def test_a_fold_trained_from_scratch_is_a_fresh_train_and_predict_at_its_origin(
    cli, tmp_path, monkeypatch, ends_early, settings
):
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(panel_text(ends_early))
    flags = [*PANEL, "-s", "network.dropout=0.1", *(f"-s{text}" for text in settings)]
    outcome = cli("backtest", "t.csv", *flags, "--folds", 3, "--step", 4, "--refit", 1)
    assert outcome.code == 0, outcome.err
    frame = pd.read_csv("backtests/t-0001/backtest.csv", dtype=str)
    stamps = frame.origin.unique().tolist()
    assert stamps == ["2024-07-07", "2024-07-11", "2024-07-15"]
    for k, stamp in enumerate(stamps):
        assert cli("train", "t.csv", *flags, "-s", f"data.end={stamp}", "--run", f"r{k}").code == 0
        assert cli("predict", f"r{k}", "t.csv", "--at", stamp, "-o", f"f{k}.csv").code == 0
        fresh = pd.read_csv(f"f{k}.csv", dtype=str)
        fold = frame[frame.origin == stamp].reset_index(drop=True)
        # After the end of a shop, only the other one has rows at the later origins.
        assert len(fold) == (6 if k == 0 or not ends_early else 3)
        fresh = fresh[fresh.shop.isin(fold.shop.unique())].reset_index(drop=True)
        pd.testing.assert_frame_equal(fold[fresh.columns], fresh)


@pytest.mark.parametrize("settings", [[], ["training.members=2"], ["training.refit=all"]])
def test_a_fold_trained_from_scratch_has_the_weights_and_forecasts_of_a_fresh_run_bit_for_bit(
    cli, daily, monkeypatch, settings
):
    """As above, before rounding to the digits of a float32."""
    made = []

    def kept(*given):
        forecast = forecast_series(*given)
        made.append((given[0], forecast))
        return forecast

    for module in (lstmcast.workflows.backtest, lstmcast.pipeline.forecast):
        monkeypatch.setattr(module, "forecast_series", kept)
    flags = [*FLAGS, "-s", "network.dropout=0.1", *(f"-s{text}" for text in settings)]
    flags += ["-s", "split.validation=40"]
    assert cli("backtest", daily, *flags, "--folds", 2, "--step", 9, "--refit", 1).code == 0
    folds, stamps = list(made), found("backtests/daily-0001")[1].origin.unique()
    assert len(folds) == len(stamps) == 2
    for (fold, (forecast, methods)), stamp in zip(folds, stamps, strict=True):
        made.clear()
        assert cli("train", daily, *flags, "-s", f"data.end={stamp}", "--run", stamp).code == 0
        assert cli("predict", stamp, daily, "--at", stamp).code == 0
        fresh, (again, fresh_methods) = made[-1]
        assert len(fold.members) == len(fresh.members)
        for one, other in zip(fold.members, fresh.members, strict=True):
            weights = other.state_dict()
            assert all(
                torch.equal(value, weights[name]) for name, value in one.state_dict().items()
            )
        assert fold.calibration.to_json() == fresh.calibration.to_json()
        for name in ("point", "low", "high"):
            np.testing.assert_array_equal(getattr(forecast, name), getattr(again, name))
        assert forecast.low.shape[0] == 2 and methods.tolist() == fresh_methods.tolist()


def test_a_shop_that_has_ended_is_no_hindrance_to_known_future_columns(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(panel_text(5))
    outcome = cli("backtest", "t.csv", *PANEL, "-s", "data.future=promo", "--folds", 3)
    assert outcome.code == 0, outcome.err
    assert found("backtests/t-0001")[1].shop.value_counts().to_dict() == {"a": 9, "b": 3}


def test_a_network_that_is_never_refitted_forecasts_as_predict_does(cli, daily, run):
    before = digests(run)
    outcome = cli("backtest", run, "--step", 5)
    assert outcome.code == 0, outcome.err
    metrics, frame = found(run / "backtests/0001")
    # 240 rows, the last 48 are test rows: origins 192, 197, ..., 237.
    assert len(metrics["folds"]) == 10 and not any(fold["trained"] for fold in metrics["folds"])
    stamp = frame.origin.iloc[-3]
    assert cli("predict", run, daily, "--at", stamp, "-o", "f.csv").code == 0
    fresh = pd.read_csv("f.csv")
    last = frame[frame.origin == stamp].reset_index(drop=True)
    pd.testing.assert_frame_equal(last[fresh.columns], fresh)
    table = pd.read_csv(daily).set_index("date").sales
    assert (frame.sales_actual == table[frame.date].to_numpy()).all()
    # The files of train do not change, and a second backtest has its own folder.
    assert {
        name: digest for name, digest in digests(run).items() if "backtests" not in name
    } == before
    assert cli("backtest", run, "--step", 5).code == 0
    one, two = (digests(run / f"backtests/000{k}") for k in (1, 2))
    assert one.pop("report.html") != two.pop("report.html")  # each page names its backtest
    assert one == two


def test_scores_are_those_of_the_file_and_baselines_those_of_pandas(cli, daily, run):
    assert cli("backtest", run, "--step", 5).code == 0
    metrics, frame = found(run / "backtests/0001")
    scores = metrics["scores"]
    assert scores["lstmcast"]["mae"] == pytest.approx(
        (frame.sales - frame.sales_actual).abs().mean(), rel=1e-6
    )
    within = frame.sales_actual.between(frame.sales_lo80, frame.sales_hi80)
    assert scores["lstmcast"]["coverage_80"] == pytest.approx(within.mean())
    sales = pd.read_csv(daily).set_index("date").sales
    naive = (sales[frame.origin].to_numpy() - frame.sales_actual).abs()
    assert scores["naive"]["mae"] == pytest.approx(naive.mean())
    by_fold = naive.groupby(frame.origin).mean()
    assert [fold["mae"]["naive"] for fold in metrics["folds"]] == pytest.approx(by_fold.tolist())
    for measure in ("coverage_95", "interval_80", "crps"):
        assert all(score[measure] is not None for score in scores.values())


def test_a_network_is_not_tested_on_rows_that_it_has_learned_from(cli, daily, run):
    outcome = cli("backtest", run, "--folds", 30)
    assert outcome.code == 3 and "room for 16 of 3 steps" in outcome.err
    assert cli("train", daily, *FLAGS, "-s", "training.refit=all", "--run", "all").code == 0
    outcome = cli("backtest", "all")
    assert outcome.code == 3 and "room for 0" in outcome.err and "--refit 1" in outcome.err
    # New rows are rows outside of its training, wherever the splits would end today.
    daily.write_text(daily_text(246))
    outcome = cli("backtest", "all")
    assert outcome.code == 0, outcome.err
    assert [fold["origin"] for fold in found("all/backtests/0001")[0]["folds"]] == [
        "2024-08-27",
        "2024-08-30",
    ]


def test_a_later_actual_changes_no_earlier_forecast(cli, daily):
    frames = []
    for name in ("clean", "spoilt"):
        table = pd.read_csv(daily)
        if name == "spoilt":
            table.loc[230:, "sales"] = 1e6
        table.to_csv(f"{name}.csv", index=False)
        outcome = cli("backtest", f"{name}.csv", *FLAGS, "--folds", 3, "--step", 10, "--refit", 2)
        assert outcome.code == 0, outcome.err
        frames.append(found(f"backtests/{name}-0001")[1].drop(columns="sales_actual"))
    known = frames[0].origin <= pd.read_csv(daily).date[229]
    assert 0 < known.sum() < len(known)
    pd.testing.assert_frame_equal(frames[0][known], frames[1][known])
    assert not frames[0][~known].equals(frames[1][~known])


def test_refits_come_at_every_kth_origin_and_warm_ones_keep_the_weights(cli, daily):
    made = {}
    for refit in ("0", "2", "2:warm"):
        outcome = cli("backtest", daily, *FLAGS, "--folds", 3, "--refit", refit)
        assert outcome.code == 0, outcome.err
        metrics, made[refit] = found(f"backtests/daily-000{len(made) + 1}")
        trained = [fold["trained"] for fold in metrics["folds"]]
        assert trained == [True, False, refit != "0"]
    first = {name: frame[frame.origin == frame.origin[0]] for name, frame in made.items()}
    assert first["0"].equals(first["2"]) and first["2"].equals(first["2:warm"])
    last = [frame.sales.iloc[-1] for frame in made.values()]
    assert len(set(last)) == 3


def test_rolling_origins_train_on_the_last_rows_only(cli, daily):
    table = pd.read_csv(daily)
    table.loc[:99, "sales"] += 1e5
    table.to_csv("odd.csv", index=False)
    frames = []
    for k, source in enumerate((daily, "odd.csv")):
        flags = [*FLAGS, "--folds", 2, "--rows", 100, "--refit", 1, "-s", "data.time=date"]
        assert cli("backtest", source, *flags).code == 0
        frames.append(found(f"backtests/{['daily', 'odd'][k]}-0001")[1])
    pd.testing.assert_frame_equal(*frames)


def test_a_config_with_a_gap_at_an_origin_skips_that_fold(cli, daily):
    table = pd.read_csv(daily)
    table.loc[233:234, "sales"] = np.nan
    table.to_csv("gap.csv", index=False)
    outcome = cli("backtest", "gap.csv", *FLAGS, "--folds", 3)
    assert outcome.code == 0, outcome.err
    folds = found("backtests/gap-0001")[0]["folds"]
    assert [fold["series"] for fold in folds] == [1, 0, 1]  # the second begins after row 233
    assert folds[1]["mae"]["naive"] is None and "no actual value" in outcome.err


# ---------------------------------------------------------------- the gate


def test_gates_read_measures_and_refuse_others():
    assert parse_gates(["skill=0.05", "coverage_80=0.7"], [80]) == [
        Gate("skill", 0.05),
        Gate("coverage_80", 0.7),
    ]
    for text, said in (
        ("skill", "write MEASURE=NUMBER"),
        ("mae=low", "write MEASURE=NUMBER"),
        ("coverage_95=0.9", "the measures are skill"),
    ):
        with pytest.raises(ConfigError, match=said):
            parse_gates([text], [80])


@pytest.mark.parametrize(
    ("measure", "limit", "value", "passes"),
    [
        ("skill", 0.05, 0.05, True),
        ("skill", 0.05, 0.04, False),
        ("coverage_80", 0.7, 0.8, True),
        ("mae", 3, 2.9, True),
        ("mae", 3, 3.1, False),
        ("bias", 1, -1.5, False),
        ("skill", -1, None, False),
    ],
)
def test_a_gate_wants_skill_and_coverage_high_and_errors_low(measure, limit, value, passes):
    assert (Gate(measure, limit).fault({measure: value}) is None) == passes


def test_a_gate_that_says_no_exits_with_1_and_still_writes(cli, run):
    outcome = cli("backtest", run, "--fail-under", "mae=1e-9", "--fail-under", "mae=1e9", "--json")
    assert outcome.code == 1
    said = json.loads(outcome.out)
    assert not said["passed"] and len(said["faults"]) == 1 and "above 1e-09" in said["faults"][0]
    assert (Path(said["folder"]) / "backtest.csv").exists()
    assert cli("backtest", run, "--fail-under", "mae=1e9").code == 0


def test_what_a_backtest_cannot_do_is_refused_before_anything_is_written(cli, daily, run):
    for flags, said in (
        (["--refit", "often"], "--refit often"),
        (["--rivals", "prophet"], "the names are auto_ets, auto_arima, theta"),
        (["--fail-under", "speed=1"], "measures are"),
        (["-s", "training.seed=3"], "add --refit 1"),
    ):
        outcome = cli("backtest", run, *flags)
        assert outcome.code == 2 and said in outcome.err, outcome.err
    outcome = cli("backtest", daily, *FLAGS, "--folds", 900)
    assert outcome.code == 3 and "start before the first row" in outcome.err
    assert not (run / "backtests").exists() and not Path("backtests").exists()


def test_without_the_extra_one_line_names_the_pip_command(cli, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    outcome = cli("backtest", run, "--rivals", "theta")
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].endswith("python -m pip install 'lstmcast[stats]'")


def test_rivals_are_asked_at_every_origin_with_what_was_known(cli, daily, run, monkeypatch):
    asked = []

    class Theta:
        def __init__(self, season_length):
            assert season_length == 7

        def forecast(self, y, h, level):
            asked.append(len(y))
            bounds = {
                f"{side}-{each}": np.full(h, y[-1]) for each in level for side in ("lo", "hi")
            }
            return {"mean": np.full(h, y[-1]), **bounds}

    stand_in = types.ModuleType("statsforecast")
    stand_in.models = types.ModuleType("statsforecast.models")
    stand_in.models.Theta = Theta
    monkeypatch.setitem(sys.modules, "statsforecast", stand_in)
    monkeypatch.setitem(sys.modules, "statsforecast.models", stand_in.models)
    assert cli("backtest", run, "--step", 9, "--rivals", "theta").code == 0
    scores = found(run / "backtests/0001")[0]["scores"]
    assert scores["theta"]["mae"] == scores["naive"]["mae"]
    assert scores["theta"]["width_80"] == 0
    assert asked == list(range(192, 238, 9))


def test_a_random_walk_is_refused_by_the_gate_and_a_noisy_season_passes(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng, n = np.random.default_rng(1), np.arange(400)
    walk = 100 + rng.normal(size=400).cumsum()
    season = 50 + 10 * np.sin(2 * np.pi * n / 7) + rng.normal(0, 3, 400)
    flags = ["-s", "window.lookback=14", "-s", "window.horizon=3", "-s", "network.units=8"]
    flags += ["-s", "training.learning_rate=0.01", "-s", "training.max_epochs=8"]
    for name, values in (("walk", walk), ("season", season)):
        days = pd.date_range("2020-01-01", periods=400)
        pd.DataFrame({"day": days, "y": values.round(3)}).to_csv(f"{name}.csv", index=False)
        level = ["-s", f"network.normalize={'last' if name == 'walk' else 'none'}"]
        assert cli("train", f"{name}.csv", *flags, *level, "--run", name).code == 0
    outcome = cli("backtest", "walk", "--step", 3, "--fail-under", "skill=0.05")
    assert outcome.code == 1
    assert "The network does not beat the best baseline, naive" in outcome.out
    assert "Gate:" in outcome.out and "below 0.05" in outcome.out
    outcome = cli("backtest", "season", "--step", 3, "--fail-under", "skill_naive=0")
    assert outcome.code == 0, outcome.out
    assert cli("backtest", "season", "--folds", 3, "--fail-under", "skill_naive=0.9").code == 1


@pytest.mark.slow
def test_the_verdict_on_a_random_walk_and_on_a_noisy_season(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    n, days = 900, pd.date_range("2020-01-01", periods=900)
    walk = 100 + rng.normal(size=n).cumsum()
    season = 50 + 10 * np.sin(2 * np.pi * np.arange(n) / 7) + rng.normal(0, 3, n)
    flags = ["-s", "window.lookback=28", "-s", "window.horizon=7", "-s", "network.units=16"]
    flags += ["-s", "training.learning_rate=0.01", "-s", "training.max_epochs=15"]
    for name, values in (("walk", walk), ("season", season)):
        pd.DataFrame({"day": days, "y": values.round(3)}).to_csv(f"{name}.csv", index=False)
        level = ["-s", f"network.normalize={'last' if name == 'walk' else 'none'}"]
        assert cli("train", f"{name}.csv", *flags, *level, "--run", name).code == 0
    outcome = cli("backtest", "walk", "--step", 1, "--fail-under", "skill=0.05")
    assert outcome.code == 1 and "does not beat the best baseline" in outcome.out
    scores = found("walk/backtests/0001")[0]["scores"]
    assert scores["lstmcast"]["mae"] > 0.95 * scores["naive"]["mae"]
    assert cli("backtest", "season", "--step", 1, "--fail-under", "skill_naive=0").code == 0


def test_the_python_face_backtests_and_compares(daily, run):
    metrics = lstmcast.backtest("r", step=9, device="cpu")
    assert metrics == found(run / "backtests/0001")[0]
    (one,) = lstmcast.compare("r", sort="crps")
    assert one["run"] == run and one["differs"] == {}


# ---------------------------------------------------------------- progress


def test_off_a_terminal_each_fold_is_one_plain_line_and_quiet_says_nothing(cli, run):
    outcome = cli("backtest", run, "--step", 9)
    lines = [line for line in outcome.err.splitlines() if line.startswith("fold")]
    assert [line.split()[1] for line in lines] == [f"{k}/6" for k in range(1, 7)]
    assert "\x1b" not in outcome.err and "\r" not in outcome.err
    assert cli("backtest", run, "--step", 9, "--quiet").err == ""


def test_on_a_terminal_a_bar_shows_the_fold_that_is_running(cli, daily):

    class Watching(Terminal):
        shares = ()

        def fold_trains(self, done):
            super().fold_trains(done)
            self.shares = (*self.shares, done)
            self.bar.refresh()

    terminal = Watching()
    text = io.StringIO()
    terminal.err = Console(file=text, force_terminal=True, width=100)
    terminal.live = True
    # From random weights, the second epoch is the better one.
    settings = [*FLAGS[1::2], "network.skip=none", "training.members=2", "training.refit=all"]
    plan = Plan(folds=3, step=3, refit=2)
    backtest(daily, plan, settings, torch.device("cpu"), terminal)
    assert terminal.bar is None
    for k in (1, 2, 3):
        assert f"fold {k}/3" in text.getvalue()
    assert "fold 4/3" not in text.getvalue()
    assert list(terminal.shares) == sorted(terminal.shares)
    # Two epochs of two members, then the refit: eighths; a fold without training counts 1.
    assert {1 / 8, 3 / 8, 7 / 8, 1.0, 2.0, 2 + 5 / 8, 3.0} <= set(terminal.shares)
    assert not [share for share in terminal.shares if 1 < share < 2]


def test_the_bar_goes_when_a_fold_fails(daily):

    terminal = Terminal()
    terminal.err = Console(file=io.StringIO(), force_terminal=True)
    wild = [*FLAGS[1::2], "training.learning_rate=1e30", "training.clip_norm=null"]
    with pytest.raises(Diverged):
        backtest(daily, Plan(folds=2), wild, torch.device("cpu"), terminal)
    assert terminal.bar is None
