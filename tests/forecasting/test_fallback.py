"""`forecast.fallback`: each series goes to who did best on its past windows, and on those alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from support.daily import TINY

import lstmcast
from lstmcast.errors import RunError
from lstmcast.forecasting.fallback import PastErrors, SplitErrors
from lstmcast.forecasting.model_file.model import load_model
from lstmcast.runs.tensors import TensorFile, write_tensors

CPU = torch.device("cpu")
FLAGS = ["-s", "data.time=day", "-s", "data.series=id", "-s", "data.target=y", *TINY]
FLAGS += ["-s", "window.lookback=14", "-s", "window.horizon=3", "-s", "split.validation=40"]
FLAGS += ["-s", "split.test=40", "-s", "network.preset=plain"]
FALLBACK = ["-s", "forecast.fallback=true"]
ROWS = 240


def table(path: Path, rows: int = ROWS) -> Path:
    """A series of pure seasons, one that is a straight line, and one of noise about a level."""
    rng = np.random.default_rng(4)
    n = np.arange(ROWS)
    shapes = {
        "line": 5 + 2.0 * n,
        "noise": 50 + rng.normal(0, 5, ROWS),
        "week": 50 + 10 * np.sin(2 * np.pi * n / 7),
    }
    days = pd.date_range("2024-01-01", periods=ROWS)
    parts = [pd.DataFrame({"id": k, "day": days, "y": v.round(4)}) for k, v in shapes.items()]
    pd.concat([part[:rows] for part in parts]).to_csv(path, index=False)
    return path


@pytest.fixture
def daily(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return table(tmp_path / "t.csv")


@pytest.fixture
def run(cli: Any, daily: Path) -> Path:
    assert cli("train", daily, *FLAGS, *FALLBACK, "--run", "r").code == 0
    return Path("r")


def methods(frame: pd.DataFrame) -> dict[str, str]:
    assert (frame.groupby("id").method.nunique() == 1).all()
    return dict(frame.groupby("id").method.first())


def test_a_series_that_the_network_loses_is_forecast_by_its_best_baseline(
    cli: Any, daily: Path, run: Path
) -> None:
    outcome = cli("predict", run, "-o", "f.csv")
    assert "A baseline forecasts" in outcome.err
    frame = pd.read_csv("f.csv")
    assert methods(frame) == methods(pd.read_csv(run / "forecast.csv"))
    # A straight line is what drift goes on along, and a pure week is repeated without an error.
    chosen = methods(frame)
    assert chosen["line"] == "drift" and chosen["week"] == "seasonal_naive"
    y = frame.set_index("id").y
    np.testing.assert_allclose(y["line"], 5 + 2.0 * np.arange(ROWS, ROWS + 3), rtol=1e-5)
    known = pd.read_csv(daily).query("id == 'week'").y.to_numpy()
    np.testing.assert_allclose(y["week"], known[-7:-4], rtol=1e-6)
    assert (frame.y_lo80 <= frame.y).all() and (frame.y <= frame.y_hi80).all()


def test_the_choice_is_that_of_the_errors_in_all_validation_and_test_windows(
    cli: Any, daily: Path, run: Path
) -> None:
    """Held against the backtest command, which forecasts one origin after the other."""
    assert cli("train", daily, *FLAGS, "--run", "plain").code == 0
    assert cli("backtest", "plain", "--step", 1).code == 0
    frame = pd.read_csv("plain/backtests/0001/backtest.csv")
    network = (frame.y - frame.y_actual).abs().groupby(frame.id).mean()
    model = load_model(run / "model.safetensors", CPU)
    assert model.record is not None and model.record.forecasters[0] == "lstmcast"
    test = model.record.splits[1]
    sizes = pd.read_csv(daily).groupby("id").y.apply(lambda y: y[: ROWS - 80].diff().abs().mean())
    assert model.names == [("line",), ("noise",), ("week",)]
    np.testing.assert_allclose(test.errors[0], (network / sizes).to_numpy(), rtol=1e-4)
    assert test.points.tolist() == [38 * 3] * 3
    # Naive on the line: off by 2, 4 and 6, whatever the origin; its size is 2.
    naive = model.record.forecasters.index("naive")
    for split in model.record.splits:
        assert split.errors[naive, 0] == pytest.approx(2)


def test_without_fallback_the_network_forecasts_all_and_the_file_is_as_before(
    cli: Any, daily: Path
) -> None:
    assert cli("train", daily, *FLAGS, "--run", "r").code == 0
    assert set(pd.read_csv("r/forecast.csv").method) == {"lstmcast"}
    file = TensorFile(Path("r/model.safetensors"), "lstmcast")
    assert "record" not in file.described
    assert not [name for name in file.signatures() if name.startswith("linear")]


def test_the_choice_at_a_past_origin_reads_nothing_of_what_came_after(
    cli: Any, daily: Path
) -> None:
    """From the test rows on, the line turns into weeks: who wins there must not matter before."""
    spoilt = pd.read_csv(daily)
    late = spoilt.groupby("id").cumcount() >= ROWS - 40
    spoilt.loc[late & (spoilt.id == "line"), "y"] = 100.0 + 300 * (np.arange(40) % 7)
    spoilt.to_csv("spoilt.csv", index=False)
    stamp = spoilt.day[ROWS - 41]  # the last validation row
    made = {}
    for name in ("t", "spoilt"):
        assert cli("train", f"{name}.csv", *FLAGS, *FALLBACK, "--run", name).code == 0
        assert cli("predict", name, "--at", stamp, "-o", f"{name}-at.csv").code == 0
        made[name] = pd.read_csv(f"{name}-at.csv")
    pd.testing.assert_frame_equal(made["t"], made["spoilt"])
    at_the_end = methods(pd.read_csv("spoilt/forecast.csv"))
    assert methods(made["t"])["line"] == "drift" and at_the_end["line"] == "seasonal_naive"
    assert "they do not count here" in cli("predict", "spoilt", "--at", stamp).err
    # Before any of the record, there is nothing to choose by.
    early = cli("predict", "t", "--at", spoilt.day[ROWS - 60])
    assert early.code == 0 and set(pd.read_csv("t-at.csv").method) != {"lstmcast"}
    assert ",drift" not in early.out and ",lstmcast" in early.out


def test_a_backtest_of_the_run_chooses_as_predict_does_at_each_origin(
    cli: Any, daily: Path, run: Path
) -> None:
    assert cli("backtest", run, "--step", 10).code == 0
    frame = pd.read_csv(run / "backtests/0001/backtest.csv")
    assert "drift" in set(frame.method)
    for stamp in frame.origin.unique():
        assert cli("predict", run, "--at", stamp, "-o", "f.csv").code == 0
        fresh = pd.read_csv("f.csv")
        fold = frame[frame.origin == stamp].reset_index(drop=True)
        pd.testing.assert_frame_equal(fold[fresh.columns], fresh)


def test_a_fold_trained_at_its_origin_chooses_by_the_rows_before_it(cli: Any, daily: Path) -> None:
    flags = [*FLAGS, *FALLBACK, "-s", "training.refit=all"]
    assert cli("backtest", daily, *flags, "--folds", 2, "--step", 5, "--refit", 1).code == 0
    frame = pd.read_csv("backtests/t-0001/backtest.csv")
    stamp = frame.origin.iloc[0]
    assert cli("train", daily, *flags, "-s", f"data.end={stamp}", "--run", "r").code == 0
    fresh = pd.read_csv("r/forecast.csv")
    fold = frame[frame.origin == stamp].reset_index(drop=True)
    assert set(fold.method) > {"drift"}
    pd.testing.assert_frame_equal(fold[fresh.columns], fresh)


def test_the_linear_baseline_travels_in_the_model_file(cli: Any, tmp_path: Path) -> None:
    """An autoregression of two rows back, which neither the tiny network nor naive can know."""
    rng = np.random.default_rng(1)
    y = np.zeros(400)
    for k in range(2, 400):
        y[k] = -0.9 * y[k - 2] + rng.normal()
    days = pd.date_range("2024-01-01", periods=400)
    pd.DataFrame({"id": "a", "day": days, "y": (50 + y).round(4)}).to_csv(tmp_path / "t.csv")
    run = lstmcast.train(
        tmp_path / "t.csv", set=[*FLAGS[1::2], *FALLBACK[1::2]], run=tmp_path / "r", device="cpu"
    )
    assert set(run.forecast.method) == {"linear"}
    alone = lstmcast.predict(tmp_path / "r/model.safetensors", tmp_path / "t.csv", device="cpu")
    np.testing.assert_array_equal(alone.y, run.forecast.y)
    expected = 50 - 0.9 * y[[-2, -1]]
    np.testing.assert_allclose(alone.y[:2], expected, atol=0.5)


def test_a_new_series_is_the_network_s(cli: Any, daily: Path, run: Path) -> None:
    frame = pd.read_csv(daily)
    frame[frame.id == "line"].assign(id="new").to_csv("new.csv", index=False)
    assert cli("predict", run, "new.csv", "-o", "f.csv").code == 0
    assert methods(pd.read_csv("f.csv")) == {"new": "lstmcast"}


# ---------------------------------------------------------------- the parts


def record() -> PastErrors:
    validation = SplitErrors(
        np.array([100, 100]), np.array([10, 10]), np.array([[1.0, 1.0], [2.0, 0.5], [3.0, 0.7]])
    )
    test = SplitErrors(
        np.array([200, 200]), np.array([30, 90]), np.array([[4.0, 1.0], [1.0, 2.0], [9.0, 1.0]])
    )
    return PastErrors(("lstmcast", "naive", "drift"), (validation, test))


def test_splits_are_weighed_by_their_points_and_count_once_they_have_ended() -> None:
    both = np.array([0, 1])
    for places, expected in (
        ([99, 99], ["lstmcast", "lstmcast"]),
        ([100, 100], ["lstmcast", "naive"]),
        ([199, 199], ["lstmcast", "naive"]),
        # (10 * 1 + 30 * 4) against (10 * 2 + 30 * 1); (10 + 90) against (5 + 180) and (7 + 90).
        ([200, 200], ["naive", "drift"]),
    ):
        assert record().choose(both, np.array(places)).tolist() == expected


def test_the_record_of_other_series_follows_their_numbers_and_survives_json() -> None:
    again = PastErrors.from_json(json.loads(json.dumps(record().to_json())))
    assert again is not None and again.to_json() == record().to_json()
    other = again.for_series(np.array([1, -1]))
    chosen = other.choose(np.array([0, 1]), np.array([150, 10**9]))
    assert chosen.tolist() == ["naive", "lstmcast"]


def test_a_model_file_whose_record_does_not_fit_is_refused(run: Path, tmp_path: Path) -> None:
    file = TensorFile(run / "model.safetensors", "lstmcast")
    tensors = file.read()
    for place, value in (
        (("forecasters",), ["naive", "lstmcast"]),
        (("forecasters",), ["lstmcast"]),
        (("forecasters",), ["lstmcast", "naive", "naive", "drift", "linear"]),
        (("splits", 0, "until"), [1]),
        (("splits", 1, "points"), [1, 2, -3]),
        (("splits", 1, "errors"), [[1.0] * 3] * 4),
        (("splits", 1, "errors"), [[1.0] * 3] * 4 + [[1.0, 1.0, -1.0]]),
    ):
        described: Any = json.loads(json.dumps(file.described))
        part = described["record"]
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = value
        write_tensors(tmp_path / "m.safetensors", tensors, "lstmcast", described)
        with pytest.raises(RunError):
            load_model(tmp_path / "m.safetensors", CPU)
    del tensors["linear.scale"]
    write_tensors(tmp_path / "m.safetensors", tensors, "lstmcast", file.described)
    with pytest.raises(RunError, match=r"linear\.scale is missing"):
        load_model(tmp_path / "m.safetensors", CPU)
