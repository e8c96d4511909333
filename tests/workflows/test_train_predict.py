"""Train and predict like a user: the run folder, and forecasts verified by hand."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from support.daily import TINY, daily_text

import lstmcast

WINDOW = ["-s", "window.lookback=14", "-s", "window.horizon=3"]
FILES = {
    "config.yaml",
    "model.safetensors",
    "metrics.json",
    "backtest.csv",
    "forecast.csv",
    "recent.csv",
    "report.html",
    "history.csv",
    "manifest.json",
    "findings.json",
}


def bounded(target):
    """The columns of a target, with the bounds of both default levels."""
    return [target, *(f"{target}_{side}{level}" for level in (80, 95) for side in ("lo", "hi"))]


@pytest.fixture
def daily(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "daily.csv"
    path.write_text(daily_text())
    return path


def panel_text(lengths, future_rows=0, seed=0):
    """Series 'a', 'b', ... of daily rows that all end on the same day, with a future covariate."""
    rng = np.random.default_rng(seed)
    last = np.datetime64("2024-06-30")
    rows = ["shop,day,sold,promo,size"]
    for k, length in enumerate(lengths):
        promo = rng.integers(0, 2, length + future_rows)
        for n in range(length + future_rows):
            day = last - length + 1 + n
            sold = f"{20 + 5 * k + 8 * promo[n] + rng.normal():.2f}" if n < length else ""
            rows.append(f"{chr(97 + k)},{day},{sold},{promo[n]},{10 * (k + 1)}")
    return "\n".join(rows) + "\n"


PANEL_CONFIG = """\
data:
  path: panel.csv
  time: day
  target: sold
  series: shop
  future: promo
  static: size
window: {lookback: 14, horizon: 3}
network: {units: [8]}
training: {max_epochs: 3, learning_rate: 0.01, batch_size: 16}
"""


@pytest.fixture
def panel(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "panel.csv").write_text(panel_text([120, 90, 60], future_rows=3))
    (tmp_path / "panel.yaml").write_text(PANEL_CONFIG)
    return tmp_path


def test_train_on_a_table_makes_a_whole_numbered_run_folder(cli, daily):
    outcome = cli("train", daily, *WINDOW, *TINY)
    assert outcome.code == 0, outcome.err
    run = daily.parent / "runs" / "daily-0001"
    assert {path.name for path in run.iterdir()} == FILES
    assert (
        "seasonal_naive" in outcome.out
        and "beat" in outcome.out
        and "runs/daily-0001" in outcome.out
    )
    assert cli("train", daily, *WINDOW, *TINY).code == 0
    assert (daily.parent / "runs" / "daily-0002").is_dir()


def test_the_same_command_twice_gives_the_same_bytes(cli, daily):
    for name in ("one", "two"):
        flags = [*WINDOW, *TINY, "-s", "network.dropout=0.2", "-s", "network.initial_state=random"]
        assert cli("train", daily, *flags, "--run", name).code == 0
    for name in ("model.safetensors", "forecast.csv", "metrics.json", "backtest.csv"):
        assert (daily.parent / "one" / name).read_bytes() == (
            daily.parent / "two" / name
        ).read_bytes()


def test_another_seed_gives_another_model(cli, daily):
    for seed in (0, 1):
        assert (
            cli("train", daily, *WINDOW, *TINY, "-s", f"training.seed={seed}", "--run", seed).code
            == 0
        )
    first, second = ((daily.parent / seed / "model.safetensors").read_bytes() for seed in "01")
    assert first != second


def test_the_resolved_config_trains_to_the_same_model(cli, daily):
    assert cli("train", daily, *WINDOW, *TINY, "--run", "one").code == 0
    assert cli("train", "one/config.yaml", "--run", "two").code == 0
    one, two = (daily.parent / name / "model.safetensors" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_the_model_file_names_no_path_host_or_time(daily_run):
    content = (daily_run / "model.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert list(header["__metadata__"]) == ["lstmcast"]
    assert str(daily_run.parent).encode() not in content
    assert b"daily.csv" not in content


def test_predict_repeats_the_forecast_of_the_training(cli, daily_run):
    outcome = cli("predict", daily_run)
    assert outcome.code == 0
    assert outcome.out == (daily_run / "forecast.csv").read_text()


def test_forecast_continues_the_dates_in_the_format_of_the_input(daily_run):
    frame = pd.read_csv(daily_run / "forecast.csv")
    assert list(frame.columns) == ["date", "sales", "sales_lo80", "sales_hi80", "method"]
    assert list(frame["date"]) == ["2024-04-30", "2024-05-01", "2024-05-02"]
    assert set(frame["method"]) == {"lstmcast"}


def test_predict_from_the_model_file_alone(cli, daily_run, tmp_path):
    shutil.copy(daily_run / "model.safetensors", tmp_path / "m.safetensors")
    (tmp_path / "d.csv").write_text(daily_text())
    outcome = cli("predict", tmp_path / "m.safetensors", tmp_path / "d.csv")
    assert outcome.out == (daily_run / "forecast.csv").read_text()


def test_predict_reads_standard_input(cli, daily_run, monkeypatch):
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(daily_text().encode())))
    assert cli("predict", daily_run, "-").out == (daily_run / "forecast.csv").read_text()


def test_at_forecasts_as_if_the_table_ended_there(cli, daily_run, tmp_path):
    (tmp_path / "whole.csv").write_text(daily_text())
    cut = daily_text().splitlines()[: 1 + 100]
    (tmp_path / "cut.csv").write_text("\n".join(cut) + "\n")
    last = cut[-1].split(",")[0]
    at = cli("predict", daily_run, tmp_path / "whole.csv", "--at", last)
    assert at.code == 0
    assert at.out == cli("predict", daily_run, tmp_path / "cut.csv").out
    assert at.out != cli("predict", daily_run, tmp_path / "whole.csv").out


def test_predict_writes_the_file_it_was_asked_for(cli, daily_run, tmp_path):
    outcome = cli("predict", daily_run, "-o", tmp_path / "f.csv")
    assert outcome.out == ""
    assert (tmp_path / "f.csv").read_text() == (daily_run / "forecast.csv").read_text()


def test_json_prints_one_object(cli, daily, daily_run):
    trained = json.loads(cli("train", daily, *WINDOW, *TINY, "--json").out)
    assert trained["metrics"]["test"]["lstmcast"]["mae"] > 0
    predicted = json.loads(cli("predict", daily_run, "--json").out)
    assert predicted["forecast"][0]["date"] == "2024-04-30"


def test_quiet_prints_nothing(cli, daily):
    outcome = cli("train", daily, *WINDOW, *TINY, "-q")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_verbose_prints_the_resolved_config(cli, daily):
    outcome = cli("train", daily, *WINDOW, *TINY, "-v")
    assert "optimizer: adamw" in outcome.err


def test_metrics_equal_those_computed_from_the_backtest_by_pandas(daily):
    # A horizon of one step puts every test window into backtest.csv.
    overrides = ["window.lookback=14", "window.horizon=1", *TINY[1::2]]
    run = lstmcast.train(daily, set=overrides, run=daily.parent / "run")
    frame = pd.read_csv(run.path / "backtest.csv")
    sales = pd.read_csv(daily)["sales"]
    train = sales[: 120 - 24 - 12]
    assert len(frame) == 24
    error = frame["sales"] - frame["sales_actual"]
    actual = sales[120 - 24 :].reset_index(drop=True)
    assert frame["sales_actual"].tolist() == actual.tolist()
    scores = run.metrics["test"]["lstmcast"]
    season = 7
    expected = {
        "mae": error.abs().mean(),
        "mse": (error**2).mean(),
        "rmse": (error**2).mean() ** 0.5,
        "mape": 100 * (error / actual).abs().mean(),
        "smape": 200 * (error.abs() / (frame["sales"].abs() + actual.abs())).mean(),
        "mase": error.abs().mean() / train.diff(season).abs().mean(),
        "rmsse": ((error**2).mean() / (train.diff(season) ** 2).mean()) ** 0.5,
    }
    for name, value in expected.items():
        assert scores[name] == pytest.approx(value, rel=1e-5), name
    assert scores["scaled"]["mae"] == pytest.approx(
        error.abs().mean() / train.std(ddof=0), rel=1e-5
    )
    naive = (sales.shift(1) - sales)[120 - 24 :].abs().mean()
    seasonal = (sales.shift(season) - sales)[120 - 24 :].abs().mean()
    assert run.metrics["test"]["naive"]["mae"] == pytest.approx(naive)
    assert run.metrics["test"]["seasonal_naive"]["mae"] == pytest.approx(seasonal)
    assert scores["skill_naive"] == pytest.approx(1 - scores["mae"] / min(naive, seasonal))
    best = min(score["mae"] for name, score in run.metrics["test"].items() if name != "lstmcast")
    assert scores["skill"] == pytest.approx(1 - scores["mae"] / best)


def test_history_has_a_row_per_epoch_and_the_best_is_kept(daily_run):
    history = pd.read_csv(daily_run / "history.csv")
    manifest = json.loads((daily_run / "manifest.json").read_text())
    assert list(history["epoch"]) == [1, 2]
    assert manifest["training"]["best_epoch"] == history["validation_loss"].idxmin() + 1
    assert manifest["data"]["rows"] == 120


def test_a_constant_added_to_every_value_is_added_to_the_forecast(cli, daily):
    shifted = pd.read_csv(daily)
    shifted["sales"] += 1000
    shifted.to_csv("shifted.csv", index=False)
    flags = [*WINDOW, *TINY, "-s", "network.normalize=last"]
    assert cli("train", daily, *flags, "--run", "a").code == 0
    assert cli("train", "shifted.csv", *flags, "--run", "b").code == 0
    first, second = (pd.read_csv(f"{name}/forecast.csv")["sales"] for name in "ab")
    np.testing.assert_allclose(second - first, 1000, atol=0.05)


def test_forecasts_below_the_minimum_are_raised_to_it(cli, daily):
    flags = [*WINDOW, *TINY, "-s", "forecast.minimum=55"]
    assert cli("train", daily, *flags, "--run", "r").code == 0
    assert pd.read_csv("r/forecast.csv")["sales"].min() >= 55
    assert pd.read_csv("r/backtest.csv")["sales"].min() == 55


def test_without_a_time_column_steps_continue_the_row_numbers(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = np.sin(np.arange(100) / 3)
    pd.DataFrame({"a": values, "b": -values}).to_csv("ab.csv", index=False)
    outcome = cli("train", "ab.csv", *WINDOW, *TINY, "--run", "r")
    assert outcome.code == 0, outcome.err
    frame = pd.read_csv("r/forecast.csv")
    assert list(frame.columns) == ["step", *bounded("a")[:3], *bounded("b")[:3], "method"]
    assert list(frame["step"]) == [101, 102, 103]


def test_a_panel_is_forecast_series_by_series(cli, panel):
    outcome = cli("train", "panel.yaml", "--run", "r")
    assert outcome.code == 0, outcome.err
    frame = pd.read_csv("r/forecast.csv")
    assert list(frame.columns) == ["shop", "day", *bounded("sold"), "method"]
    assert list(frame["shop"]) == list("aaabbbccc")
    assert list(frame["day"][:3]) == ["2024-07-01", "2024-07-02", "2024-07-03"]
    assert cli("predict", "r").out == (panel / "r" / "forecast.csv").read_text()


def test_known_future_reaches_the_forecast(cli, panel):
    assert cli("train", "panel.yaml", "--run", "r", "-s", "training.max_epochs=40").code == 0
    table = pd.read_csv("panel.csv")
    means = {}
    for promo in (0, 1):
        table.loc[table["sold"].isna(), "promo"] = promo
        table.to_csv("changed.csv", index=False)
        means[promo] = lstmcast.predict("r", "changed.csv")["sold"].mean()
    assert means[1] - means[0] > 3  # the promo adds 8


def test_future_columns_that_end_too_early_are_named(cli, panel):
    assert cli("train", "panel.yaml", "--run", "r").code == 0
    table = pd.read_csv("panel.csv")
    short = table[~((table["shop"] == "b") & (table["day"] == "2024-07-03"))]
    short.to_csv("short.csv", index=False)
    outcome = cli("predict", "r", "short.csv")
    assert outcome.code == 3
    assert "promo" in outcome.err and "2024-07-03" in outcome.err and "of b" in outcome.err


def test_training_without_known_future_says_why_there_is_no_forecast(cli, panel):
    (panel / "panel.csv").write_text(panel_text([120, 90, 60]))
    outcome = cli("train", "panel.yaml", "--run", "r")
    assert outcome.code == 0
    assert "No forecast.csv" in outcome.err and "promo" in outcome.err
    assert not (panel / "r" / "forecast.csv").exists()


def test_series_shorter_than_the_lookback_go_to_a_baseline_that_they_can_bear(cli, panel):
    (panel / "panel.csv").write_text(panel_text([120, 90, 10, 1], future_rows=3))
    outcome = cli("train", "panel.yaml", "--run", "r")
    assert outcome.code == 0, outcome.err
    assert "2 of 4 series are shorter than the lookback" in outcome.err
    frame = pd.read_csv("r/forecast.csv").set_index("shop")
    assert set(frame.loc[["a", "b"], "method"]) == {"lstmcast"}
    table = pd.read_csv("panel.csv").dropna().set_index("shop")
    ranked = [
        name
        for name, _ in sorted(
            json.loads((panel / "r/metrics.json").read_text())["validation"].items(),
            key=lambda item: item[1]["mae"],
        )
        if name in ("naive", "seasonal_naive", "drift")
    ]
    assert set(frame.loc["c", "method"]) == {ranked[0]}
    assert set(frame.loc["d", "method"]) == {"naive"}
    assert set(frame.loc["d", "sold"]) == {table.loc["d", "sold"]}


def test_padding_lets_the_network_forecast_short_series(cli, panel):
    (panel / "panel.csv").write_text(panel_text([120, 90, 10, 1], future_rows=3))
    assert cli("train", "panel.yaml", "--run", "r", "-s", "window.pad=true").code == 0
    assert set(pd.read_csv("r/forecast.csv")["method"]) == {"lstmcast"}


def test_a_series_not_seen_in_training_is_scaled_by_its_own_past(cli, panel):
    assert cli("train", "panel.yaml", "--run", "r", "-s", "training.max_epochs=20").code == 0
    table = pd.read_csv("panel.csv")
    new = table[table["shop"] == "a"].assign(shop="z", sold=lambda rows: rows["sold"] * 1000)
    new.to_csv("new.csv", index=False)
    frame = lstmcast.predict("r", "new.csv")
    assert frame["sold"].between(10_000, 40_000).all()


def test_refit_trains_on_all_rows_and_leaves_the_scores_alone(cli, daily):
    flags = [*WINDOW, *TINY]
    assert cli("train", daily, *flags, "--run", "plain").code == 0
    assert cli("train", daily, *flags, "-s", "training.refit=all", "--run", "refit").code == 0
    scores = [
        json.loads((daily.parent / name / "metrics.json").read_text())
        for name in ("plain", "refit")
    ]
    assert scores[0] == scores[1]
    forecasts = [
        pd.read_csv(f"{name}/forecast.csv")["sales"].tolist() for name in ("plain", "refit")
    ]
    assert forecasts[0] != forecasts[1]
    assert cli("predict", "refit").out == (daily.parent / "refit/forecast.csv").read_text()


def test_without_test_rows_nothing_is_judged_but_everything_forecast(cli, daily):
    outcome = cli("train", daily, *WINDOW, *TINY, "-s", "split.test=0", "--run", "r")
    assert outcome.code == 0, outcome.err
    assert "not tested" in outcome.out
    assert json.loads((daily.parent / "r/metrics.json").read_text())["test"] is None
    assert len(pd.read_csv("r/forecast.csv")) == 3


def test_without_validation_rows_the_last_epoch_is_kept(cli, daily):
    assert cli("train", daily, *WINDOW, *TINY, "-s", "split.validation=0", "--run", "r").code == 0
    manifest = json.loads((daily.parent / "r/manifest.json").read_text())
    assert manifest["training"]["best_epoch"] == 2
    assert pd.read_csv("r/history.csv")["validation_loss"].isna().all()


def test_a_missing_actual_is_not_scored_and_not_written(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = daily_text().splitlines()
    rows[-2] = rows[-2].split(",")[0] + ","
    (tmp_path / "gap.csv").write_text("\n".join(rows) + "\n")
    outcome = cli(
        "train",
        "gap.csv",
        "-s",
        "window.lookback=14",
        "-s",
        "window.horizon=1",
        *TINY,
        "--run",
        "r",
    )
    assert outcome.code == 0, outcome.err
    assert pd.read_csv("r/backtest.csv")["sales_actual"].isna().sum() == 1
    scores = json.loads((tmp_path / "r/metrics.json").read_text())["test"]["lstmcast"]
    assert (scores["windows"], scores["points"]) == (24, 23)
    assert "1 missing value filled" in outcome.err


def test_only_the_given_target_is_used_and_the_rest_is_named(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=100).astype(str)})
    frame["a"], frame["b"], frame["c"] = np.arange(100) % 7, np.arange(100), "x"
    frame.to_csv("t.csv", index=False)
    outcome = cli("train", "t.csv", "-s", "data.target=a", *WINDOW, *TINY, "--run", "r")
    assert outcome.code == 0, outcome.err
    assert "left out: b, c (one value only)" in outcome.err
    config = yaml.safe_load((tmp_path / "r/config.yaml").read_text())
    assert config["data"]["target"] == ["a"] and config["data"]["time"] == "day"
    outcome = cli("train", "t.csv", *WINDOW, *TINY, "--run", "s")
    config = yaml.safe_load((tmp_path / "s/config.yaml").read_text())
    assert config["data"]["target"] == ["a", "b"]
    assert "c" in outcome.err


def test_a_table_without_config_gets_a_window_that_fits_it(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.csv").write_text(daily_text(30))
    outcome = cli("train", "few.csv", *TINY, "--run", "r")
    assert outcome.code == 0, outcome.err
    assert yaml.safe_load((tmp_path / "r/config.yaml").read_text())["window"]["horizon"] == 3


def test_the_python_face_trains_and_predicts(daily):
    run = lstmcast.train(daily, set=["window.lookback=14", "window.horizon=3", *TINY[1::2]])
    assert run.path.name == "daily-0001"
    pd.testing.assert_frame_equal(run.predict(daily), run.forecast)
    assert run.metrics["test"]["lstmcast"]["mae"] > 0


def test_errors_of_the_python_face_are_lstmcast_errors(tmp_path):
    from lstmcast.errors import DataError

    with pytest.raises(DataError, match=r"no\.csv"):
        lstmcast.train(tmp_path / "no.csv")


def test_an_interrupt_exits_130(cli, daily, monkeypatch):
    import os
    import signal

    from lstmcast.terminal.terminal import Terminal

    monkeypatch.setattr(Terminal, "progress", lambda *a: os.kill(os.getpid(), signal.SIGINT))
    outcome = cli("train", daily, *WINDOW, *TINY)
    assert outcome.code == 130 and "interrupted" in outcome.err


def test_the_past_forecasts_of_many_test_rows_are_thinned_and_said_to_be(cli, daily, limits):
    assert "backtest.csv" not in cli("train", daily, *WINDOW, *TINY, "--run", "whole").err
    whole = pd.read_csv("whole/backtest.csv")
    limits(BACKTEST_ROWS=len(whole) // 2 - 3)
    outcome = cli("train", daily, *WINDOW, *TINY, "--run", "thin")
    assert "backtest.csv has one of every 3 test forecasts" in " ".join(outcome.err.split())
    thin = pd.read_csv("thin/backtest.csv")
    kept = whole["origin"].unique()[::3]
    pd.testing.assert_frame_equal(thin, whole[whole["origin"].isin(kept)].reset_index(drop=True))
    scores = [Path(run, "metrics.json").read_text() for run in ("whole", "thin")]
    assert scores[0] == scores[1]


def test_of_many_series_of_one_window_some_are_left_out(cli, tmp_path, monkeypatch, limits):
    monkeypatch.chdir(tmp_path)
    Path("panel.csv").write_text(panel_text([40] * 6))
    limits(BACKTEST_ROWS=9)
    fields = ["data.target=sold", "data.series=shop", "window.lookback=5", "window.horizon=3"]
    flags = [part for field in [*fields, "split.test=3"] for part in ("-s", field)]
    assert "one of every 2" in " ".join(
        cli("train", "panel.csv", *flags, *TINY, "--run", "r").err.split()
    )
    past = pd.read_csv("r/backtest.csv")
    assert len(past) == 9 and past["shop"].unique().tolist() == ["a", "c", "e"]
    assert json.loads(Path("r/metrics.json").read_text())["test"]["lstmcast"]["windows"] == 6
