"""A future covariate is known ahead, a past covariate is not: calendars, lags, masks; log1p."""

import sys

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import lstmcast
from lstmcast.config import build_config
from lstmcast.errors import ConfigError, DataError
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.stamps.calendar import calendar_columns, holiday_column
from lstmcast.windows.batches import WindowTable
from lstmcast.windows.order import series_order
from lstmcast.windows.windows import WindowIndex


def ready(path, frame, data=None, **sections):
    frame.to_csv(path, index=False)
    data = {"path": str(path), "time": "t", "target": "y", **(data or {})}
    window = {"lookback": 4, "horizon": 3}
    return prepare(build_config({"data": data, "window": window, **sections}), ProgressListener())


def table_of(prepared):
    window = prepared.config.window
    return WindowTable(
        prepared.panel,
        prepared.scaler,
        prepared.static_scaler,
        lookback=window.lookback,
        horizon=window.horizon,
        pad=window.pad,
        device=torch.device("cpu"),
    )


def daily(rows=60, start="2024-01-01", freq="D", seed=0):
    y = np.random.default_rng(seed).normal(10, 2, rows).round(3)
    return pd.DataFrame({"t": pd.date_range(start, periods=rows, freq=freq), "y": y})


def train(folder, name, config):
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    return lstmcast.train(path, run=folder / name, device="cpu")


# Known ahead.


@pytest.mark.parametrize("decoder", ["direct", "seq2seq"])
def test_a_column_known_ahead_lowers_the_error_to_the_noise(tmp_path, decoder):
    """y = 3 x + noise of deviation 0.5: mae 2.43 without x, 0.40 for who knows x and the rule."""
    rng = np.random.default_rng(0)
    parts = []
    for name in "abcd":
        x = rng.normal(0, 1, 300)
        frame = daily(300).assign(id=name, x=x, y=3 * x + rng.normal(0, 0.5, 300))
        parts.append(frame)
    pd.concat(parts).to_csv(tmp_path / "t.csv", index=False)
    maes = {}
    for role in ("past", "future"):
        config = {
            "data": {"path": "t.csv", "time": "t", "target": "y", "series": "id", role: "x"},
            "window": {"lookback": 6, "horizon": 3},
            "scale": {"per": "all"},
            "network": {"units": [16], "decoder": decoder},
            "training": {"max_epochs": 25, "learning_rate": 0.01, "loss": "mse"},
        }
        maes[role] = train(tmp_path, role, config).metrics["test"]["lstmcast"]["mae"]
    bound = 0.5 * np.sqrt(2 / np.pi)
    best_without = np.sqrt(9 + 0.25) * np.sqrt(2 / np.pi)
    assert maes["past"] > 0.9 * best_without
    assert maes["future"] < 1.25 * bound


@pytest.fixture(scope="module")
def with_future(tmp_path_factory):
    """A run with a future column; its table, without rows ahead; the rows ahead by themselves."""
    folder = tmp_path_factory.mktemp("future")
    parts = [daily(80).assign(id=name, x=np.arange(80) % 5) for name in "ab"]
    table = pd.concat(parts)
    history = table.groupby("id").head(75)
    ahead = table.groupby("id").tail(5).drop(columns="y")
    history.to_csv(folder / "history.csv", index=False)
    ahead.to_csv(folder / "ahead.csv", index=False)
    whole = pd.concat([history, ahead])
    whole.to_csv(folder / "whole.csv", index=False)
    config = {
        "data": {"path": "history.csv", "time": "t", "target": "y", "series": "id", "future": "x"},
        "window": {"lookback": 6, "horizon": 3},
        "network": {"units": [4]},
        "training": {"max_epochs": 2},
    }
    return folder, train(folder, "run", config).path


def test_a_second_table_of_what_is_known_ahead_is_as_good_as_more_rows(with_future, cli):
    folder, run = with_future
    one = cli("predict", run, folder / "whole.csv")
    two = cli("predict", run, folder / "history.csv", "--future", folder / "ahead.csv")
    three = cli("predict", run, "--future", folder / "ahead.csv")
    assert one.code == two.code == three.code == 0, two.err
    assert one.out == two.out == three.out
    assert len(one.out.splitlines()) == 1 + 2 * 3
    frame = lstmcast.predict(run, folder / "history.csv", future=folder / "ahead.csv")
    assert len(frame) == 6


def test_the_first_stamp_that_is_not_known_ahead_is_named(with_future, cli, tmp_path):
    folder, run = with_future
    assert cli("predict", run).code == 3
    short = pd.read_csv(folder / "ahead.csv")
    short = short[(short["id"] == "a") | (short.groupby("id").cumcount() < 2)]
    short.to_csv(tmp_path / "short.csv", index=False)
    refused = cli("predict", run, "--future", tmp_path / "short.csv")
    assert refused.code == 3
    assert "2024-03-18 is the first missing time stamp of b" in refused.err
    short.drop(columns="x").to_csv(tmp_path / "none.csv", index=False)
    refused = cli("predict", run, "--future", tmp_path / "none.csv")
    assert refused.code == 3 and "there is no column 'x'" in refused.err


def test_a_fault_in_the_second_table_names_its_line(with_future, cli, tmp_path):
    folder, run = with_future
    ahead = pd.read_csv(folder / "ahead.csv").astype({"x": object})
    ahead.loc[2, "x"] = "many"
    ahead.to_csv(tmp_path / "bad.csv", index=False)
    refused = cli("predict", run, "--future", tmp_path / "bad.csv")
    assert refused.code == 3 and "bad.csv: column 'x'" in refused.err and "line 4" in refused.err
    twice = pd.read_csv(folder / "ahead.csv")
    twice.loc[0, "t"] = "2024-03-15"
    twice.to_csv(tmp_path / "twice.csv", index=False)
    refused = cli("predict", run, "--future", tmp_path / "twice.csv")
    assert refused.code == 3 and f"line 2 of {tmp_path / 'twice.csv'}" in refused.err


def test_a_run_without_future_columns_refuses_a_second_table(daily_run, cli):
    refused = cli("predict", daily_run, "--future", "x.csv")
    assert refused.code == 2 and "trained without data.future" in refused.err


# Made of stamps.


def circle(turns):
    return {"sin": np.sin(2 * np.pi * turns), "cos": np.cos(2 * np.pi * turns)}


@pytest.mark.parametrize("start", ["1968-02-27 22:30", "2000-02-28 23:15", "2024-12-30 01:45"])
def test_calendar_features_are_those_of_pandas(start):
    stamps = pd.date_range(start, periods=3000, freq="317min")
    names = ["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "week", "month"]
    columns = calendar_columns([*names, "quarter", "year", "weekend"], stamps.to_numpy("M8[us]"))
    length = np.where(stamps.is_leap_year, 366, 365)
    turns = {
        "minute": stamps.minute / 60,
        "hour": (stamps.hour + stamps.minute / 60) / 24,
        "day_of_week": stamps.day_of_week / 7,
        "day_of_month": (stamps.day - 1) / stamps.days_in_month,
        "day_of_year": (stamps.day_of_year - 1) / length,
        "week": (stamps.day_of_year - 1) // 7 / 53,
        "month": (stamps.month - 1) / 12,
        "quarter": (stamps.quarter - 1) / 4,
    }
    for name, turn in turns.items():
        for part, expected in circle(np.asarray(turn, dtype=float)).items():
            assert np.allclose(columns[f"{name} ({part})"], expected), name
    assert np.allclose(columns["year"], (stamps.year - 2000) / 10)
    assert columns["weekend"].tolist() == (stamps.day_of_week >= 5).astype(float).tolist()
    assert len(columns) == 18


@pytest.mark.parametrize(
    ("freq", "expected"),
    [
        ("15min", ["hour (sin)", "hour (cos)", "day_of_week (sin)", "day_of_week (cos)"]),
        ("D", ["day_of_week (sin)", "day_of_week (cos)", "day_of_year (sin)", "day_of_year (cos)"]),
        ("B", ["day_of_week (sin)", "day_of_week (cos)", "day_of_year (sin)", "day_of_year (cos)"]),
        ("W", ["day_of_year (sin)", "day_of_year (cos)"]),
        ("MS", ["month (sin)", "month (cos)"]),
        ("QE", ["month (sin)", "month (cos)"]),
        ("YS", []),
    ],
)
def test_auto_takes_what_the_frequency_suggests(tmp_path, freq, expected):
    prepared = ready(tmp_path / "t.csv", daily(60, freq=freq), {"calendar": "auto"})
    assert list(prepared.panel.columns.future) == expected


def test_rows_are_counted_where_there_is_no_time_and_have_no_calendar(tmp_path):
    frame = daily().drop(columns="t")
    data = {"calendar": "auto", "time": None}
    assert ready(tmp_path / "t.csv", frame, data).panel.columns.future == ()
    with pytest.raises(ConfigError, match=r"data\.calendar has no effect without data\.time"):
        build_config({"data": {"path": "t", "target": "y", "calendar": ["hour"]}})
    with pytest.raises(ConfigError, match=r"data\.holidays has no effect without data\.time"):
        build_config({"data": {"path": "t", "target": "y", "holidays": "DE"}})


def test_the_calendar_of_the_horizon_is_that_of_its_own_days(tmp_path):
    """Also after the last row, and of a series in the middle of the table; nothing is scaled."""
    frame = pd.concat([daily(40).assign(id="a"), daily(50, "2024-02-05").assign(id="b")])
    prepared = ready(
        tmp_path / "t.csv", frame, {"series": "id", "calendar": ["day_of_week", "year"]}
    )
    panel, table = prepared.panel, table_of(prepared)
    for series in (0, 1):
        origin = int(panel.ends[series])
        batch = table.gather(torch.tensor([origin]), torch.tensor([series]))
        last = frame[frame["id"] == "ab"[series]]["t"].max()
        days = pd.date_range(last - pd.Timedelta(days=3), periods=7)
        expected = calendar_columns(["day_of_week", "year"], days.to_numpy("M8[us]"))
        rows = np.stack(list(expected.values()), axis=1)
        assert np.allclose(batch.inputs[0, :, 1:], rows[:4], atol=1e-6)
        assert np.allclose(batch.future[0], rows[4:], atol=1e-6)
    assert panel.lengths.tolist() == [40, 50]


def test_calendar_features_leave_the_windows_and_targets_as_they_are(tmp_path):
    plain = ready(tmp_path / "t.csv", daily())
    more = ready(tmp_path / "t.csv", daily(), {"calendar": ["month"]})
    for name, index in plain.windows.by_name().items():
        other = more.windows.by_name()[name]
        assert len(index) == len(other) > 0
        one, two = (
            table_of(p).gather_windows(i, np.arange(len(i)))
            for p, i in ((plain, index), (more, other))
        )
        assert torch.equal(one.targets, two.targets) and two.weights is None
        assert torch.equal(one.inputs[:, :, 0], two.inputs[:, :, 0])


@pytest.mark.parametrize("decoder", ["direct", "seq2seq", "recursive", "every_step"])
def test_a_run_with_a_calendar_forecasts_without_rows_ahead(tmp_path, decoder, cli):
    daily(90).to_csv(tmp_path / "t.csv", index=False)
    config = {
        "data": {"path": "t.csv", "time": "t", "target": "y", "calendar": "auto", "lags": [2, 7]},
        "window": {"lookback": 6, "horizon": 3},
        "network": {"units": [4], "decoder": decoder},
        "training": {"max_epochs": 1},
    }
    run = train(tmp_path, "run", config).path
    again = cli("predict", run)
    assert again.code == 0 and again.out == (run / "forecast.csv").read_text()
    assert cli("predict", run, "--at", "2024-03-01").out.splitlines()[1].startswith("2024-03-02")


def test_a_column_with_the_name_of_a_derived_one_is_refused(tmp_path):
    frame = daily().assign(weekend=1.5)
    with pytest.raises(ConfigError, match="column 'weekend' has the name of a column that"):
        ready(tmp_path / "t.csv", frame, {"past": "weekend", "calendar": ["weekend"]})


def test_holidays_of_a_country_and_of_its_parts():
    days = ["2024-10-02T08:00", "2024-10-03T08:00", "2024-12-25", "2024-01-06"]
    stamps = np.array(days, dtype="M8[us]")
    assert holiday_column("DE", stamps).tolist() == [0, 1, 1, 0]
    assert holiday_column("DE-BY", stamps).tolist() == [0, 1, 1, 1]  # Epiphany, in Bavaria
    assert holiday_column("US", stamps).tolist() == [0, 0, 1, 0]
    with pytest.raises(ConfigError, match="no country 'GERMANY'"):
        holiday_column("GERMANY", stamps)
    with pytest.raises(ConfigError, match="DE has no part 'XX'"):
        holiday_column("DE-XX", stamps)


def test_holidays_are_a_column_known_ahead_of_steps_up_to_a_day(tmp_path):
    frame = daily(60, "2023-11-15", "12h")
    prepared = ready(tmp_path / "t.csv", frame, {"holidays": "US"})
    assert prepared.panel.columns.future == ("holiday",)
    days = frame["t"].dt.strftime("%m-%d").isin(["11-23"])
    assert (prepared.panel.values[:60, 1] == days).all() and days.sum() == 2
    with pytest.raises(ConfigError, match="a step of this table is longer: it is weekly"):
        ready(tmp_path / "w.csv", daily(60, freq="W"), {"holidays": "US"})


def test_a_missing_extra_is_told_with_the_command_that_mends_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ConfigError, match=r"pip install 'lstmcast\[holidays\]'"):
        holiday_column("DE", np.array(["2024-01-01"], dtype="M8[us]"))


# Made of earlier values and of gaps.


def test_lags_are_earlier_values_and_the_long_ones_are_known_ahead(tmp_path):
    frame = pd.concat([daily(30).assign(id="a"), daily(40, seed=1).assign(id="b")])
    prepared = ready(
        tmp_path / "t.csv", frame, {"series": "id", "lags": [2, 5]}, scale={"method": "none"}
    )
    panel = prepared.panel
    assert panel.columns.inputs == ("y", "y (lag 2)", "y (lag 5)")
    assert panel.columns.future == ("y (lag 5)",)  # 5 steps back is known for 3 steps ahead
    assert panel.lengths.tolist() == [25, 35] and panel.begins_late == 10
    for series, name in enumerate("ab"):
        y = frame[frame["id"] == name]["y"].to_numpy()
        origin = int(panel.ends[series])
        batch = table_of(prepared).gather(torch.tensor([origin]), torch.tensor([series]))
        assert np.allclose(batch.inputs[0, :, 0], y[-4:])
        assert np.allclose(batch.inputs[0, :, 1], y[-6:-2])
        assert np.allclose(batch.inputs[0, :, 2], y[-9:-5])
        assert np.allclose(batch.future[0, :, 0], y[-5:-2])


@pytest.mark.parametrize("lag", [1, 5])
def test_no_lag_reaches_into_the_series_before(tmp_path, lag):
    frame = pd.concat([daily(30).assign(id="a"), daily(40, seed=1).assign(id="b")])
    panel = ready(tmp_path / "t.csv", frame, {"series": "id", "lags": [lag]}).panel
    assert panel.lengths.tolist() == [30 - lag, 40 - lag]
    first = int(panel.offsets[1])
    assert panel.values[first, 1] == frame[frame["id"] == "b"]["y"].iloc[0]


def test_masks_say_which_values_were_observed(tmp_path):
    frame = daily(60).assign(p=np.arange(60.0))
    frame.loc[[10, 11, 30], "y"], frame.loc[20, "p"] = np.nan, np.nan
    frame = frame.drop(index=40)
    prepared = ready(tmp_path / "t.csv", frame, {"past": "p", "gaps": "mask"})
    columns = prepared.panel.columns
    assert columns.inputs == ("y", "p", "y (observed)", "p (observed)")
    values = prepared.panel.values
    assert np.flatnonzero(values[:, 2] == 0).tolist() == [10, 11, 30, 40]
    assert np.flatnonzero(values[:, 3] == 0).tolist() == [20, 40]
    assert (values[[10, 11], 0] == values[9, 0]).all()  # filled with the last value
    table = table_of(prepared)
    batch = table.gather(torch.tensor([10]), torch.tensor([0]))
    assert batch.weights[0, :, 0].tolist() == [0, 0, 1]  # the loss ignores missing targets
    after = table.gather(torch.tensor([13]), torch.tensor([0]))
    assert after.inputs[0, :, 2].tolist() == [1, 0, 0, 1]  # rows 9 to 12, not scaled


@pytest.mark.parametrize("gaps", ["forward", "interpolate", "mask"])
def test_noise_after_a_cut_changes_no_derived_column_before_it(tmp_path, gaps):
    frame = daily(80)
    frame.loc[[20, 21, 22, 54, 55, 56, 57, 63, 64, 65], "y"] = np.nan
    data = {"lags": [1, 4], "calendar": "auto", "gaps": gaps, "frequency": "D"}
    clean = ready(tmp_path / "a.csv", frame, data)
    cut = 56  # the first day of validation
    noisy_frame = frame.copy()
    noisy_frame.loc[cut:, "y"] += np.random.default_rng(1).normal(0, 100, 80 - cut)
    noisy = ready(tmp_path / "b.csv", noisy_frame, data)
    gone = clean.panel.begins_late
    assert clean.cuts.train[0] == cut - gone or clean.cuts.train[0] > 0
    rows = slice(0, int(clean.cuts.train[0]))
    assert np.array_equal(clean.panel.values[rows], noisy.panel.values[rows])
    assert clean.scaler.to_json() == noisy.scaler.to_json()
    index = clean.windows.train
    assert len(index) > 20
    one, two = (table_of(p).gather_windows(index, np.arange(len(index))) for p in (clean, noisy))
    assert torch.equal(one.inputs, two.inputs) and torch.equal(one.future, two.future)


# Logarithms.


@pytest.mark.parametrize("method", ["standard", "minmax", "robust", "none"])
def test_logarithms_are_scaled_and_undone(tmp_path, method):
    frame = daily(60).assign(y=lambda f: (f["y"] * 3) ** 2)
    prepared = ready(
        tmp_path / "t.csv", frame, {"lags": [3]}, scale={"method": method, "transform": "log1p"}
    )
    logs = np.log1p(frame["y"].to_numpy())[3:]
    train = logs[: int(prepared.cuts.train[0])]
    quartiles = np.quantile(train, [0.25, 0.5, 0.75])
    center, scale = {
        "standard": (train.mean(), train.std()),
        "minmax": (train.min(), np.ptp(train)),
        "robust": (quartiles[1], quartiles[2] - quartiles[0]),
        "none": (0, 1),
    }[method]
    batch = table_of(prepared).gather_windows(prepared.windows.train, np.array([0]))
    assert np.allclose(batch.inputs[0, :, 0], (logs[:4] - center) / scale, atol=1e-5)
    assert batch.inputs[0, 3, 1] != batch.inputs[0, 0, 0] or method == "none"
    restored = prepared.scaler.restore(batch.targets.double().numpy(), np.array([0]))
    assert np.allclose(restored[0, :, 0], frame["y"][7:10], rtol=1e-5)


def test_a_run_on_logarithms_scores_and_forecasts_in_units(tmp_path):
    """Growth by factors: a straight line of logarithms, which a network goes on with."""
    rows = 160
    y = np.exp(np.arange(rows) / 25 + np.random.default_rng(0).normal(0, 0.02, rows))
    daily(rows).assign(y=y).to_csv(tmp_path / "t.csv", index=False)
    config = {
        "data": {"path": "t.csv", "time": "t", "target": "y"},
        "window": {"lookback": 8, "horizon": 4},
        "scale": {"transform": "log1p"},
        "network": {"units": [8], "normalize": "last"},
        "training": {"max_epochs": 40, "learning_rate": 0.01},
    }
    run = train(tmp_path, "run", config)
    assert run.metrics["test"]["lstmcast"]["mae"] < 0.6 * run.metrics["test"]["naive"]["mae"]
    assert (run.forecast["y"] / y[-1]).between(0.9, 1.4).all()
    assert np.allclose(run.predict()["y"], run.forecast["y"])


def test_values_without_a_logarithm_are_refused_with_their_line(tmp_path):
    frame = daily()
    frame.loc[7, "y"] = -1.5
    with pytest.raises(DataError, match=r"line 9: 'y' is -1.5, and scale.transform: log1p needs"):
        ready(tmp_path / "t.csv", frame, scale={"transform": "log1p"})


# Which windows an epoch draws.


def test_drawing_by_series_draws_each_as_often_however_long():
    counts = np.array([10, 3, 500, 87])
    index = WindowIndex(
        np.array([0, 1, 1, 2]), np.array([5, 40, 60, 100]), counts[[0, 1, 3, 2]], np.ones(4, int)
    )
    order = np.concatenate([series_order(index, 3, epoch) for epoch in range(50)])
    assert len(order) == 50 * 600
    _, series = index.locate(order)
    shares = np.bincount(series) / len(series)
    assert np.allclose(shares, 1 / 3, atol=0.015)  # 5 deviations of 30,000 draws
    second = order[series == 1]
    assert np.unique(second).tolist() == list(range(10, 100))
    assert np.bincount(second)[10:].std() < 2 * np.sqrt(len(second) / 90)
    assert np.array_equal(series_order(index, 3, 7), series_order(index, 3, 7))
    assert not np.array_equal(series_order(index, 3, 7), series_order(index, 3, 8))
