"""Tables as they really come: out of order, few rows, new series, values far apart, zones."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors import safe_open
from support.daily import TINY, daily_text

import lstmcast
from lstmcast.errors import DataError

SMALL = ["window.lookback=14", "window.horizon=3", *TINY[1::2]]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(table, *more, run="r"):
    return lstmcast.train(table, set=[*SMALL, *more], run=run, device="cpu")


def panel(levels, starts, rows=120, seed=0):
    """Daily series that end together, by level and by the day they start."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2024-01-01", periods=rows)
    parts = []
    for name, (level, start) in enumerate(zip(levels, starts, strict=True)):
        wave = 1 + 0.1 * np.sin(2 * np.pi * np.arange(rows) / 7) + 0.01 * rng.normal(size=rows)
        frame = pd.DataFrame({"id": f"s{name}", "day": days.astype(str), "y": level * wave})
        parts.append(frame[start:])
    return pd.concat(parts)


def test_rows_in_any_order_give_the_same_run(here):
    table = pd.read_csv(io.StringIO(daily_text()))
    table.to_csv("sorted.csv", index=False)
    table.sample(frac=1, random_state=0).to_csv("shuffled.csv", index=False)
    first, second = train("sorted.csv", run="a"), train("shuffled.csv", run="b")
    assert yaml.safe_load((second.path / "config.yaml").read_text())["data"]["time"] == "date"
    pd.testing.assert_frame_equal(first.forecast, second.forecast)


def test_a_series_without_train_rows_is_scaled_by_its_own_past(here):
    panel([1000, 1000, 50], [0, 0, 95]).to_csv("t.csv", index=False)
    roles = ["data.time=day", "data.target=y", "data.series=id", "split.validation=2024-03-20"]
    more = ["split.test=2024-04-10", "training.max_epochs=20", "network.normalize=none"]
    run = train("t.csv", *roles, *more)
    forecast = run.forecast
    new = forecast[forecast["id"] == "s2"]
    assert set(new["method"]) == {"lstmcast"}
    assert new["y"].between(40, 60).all()


def test_small_values_keep_their_digits_beside_large_ones(here):
    panel([1e11, 0.01], [0, 0]).to_csv("t.csv", index=False)
    run = train("t.csv", "data.time=day", "data.target=y", "data.series=id")
    small = run.forecast.set_index("id").loc["s1", "y"]
    assert (small > 0.005).all() and (small < 0.02).all()


def test_a_few_rows_are_laid_on_the_grid_of_the_run(here):
    days = pd.bdate_range("2024-01-01", periods=150)
    values = np.sin(np.arange(150))
    table = pd.DataFrame({"day": days.astype(str), "y": values})
    table.to_csv("t.csv", index=False)
    run = train("t.csv", "data.target=y", "window.lookback=4")
    table[-5:].to_csv("five.csv", index=False)  # Monday to Friday: are these days or working days?
    assert table["day"].iloc[-1] == "2024-07-26"
    assert list(run.predict("five.csv")["day"]) == ["2024-07-29", "2024-07-30", "2024-07-31"]
    table[-2:].to_csv("two.csv", index=False)
    two = run.predict("two.csv")
    assert list(two["day"]) == ["2024-07-29", "2024-07-30", "2024-07-31"]
    assert set(two["method"]) <= {"naive", "drift"}
    table[::10].to_csv("sparse.csv", index=False)
    with pytest.raises(DataError, match="every business day"):
        run.predict("sparse.csv")


def test_days_of_several_zones_keep_the_zone_they_were_written_with(here):
    days = pd.date_range("2024-01-01", periods=120, tz="Europe/Berlin")
    text = [day.isoformat() for day in days]
    pd.DataFrame({"t": text, "y": np.arange(120) % 7}).to_csv("t.csv", index=False)
    run = train("t.csv", "data.target=y", "data.time=t")
    recent = pd.read_csv(run.path / "recent.csv")
    assert list(recent["t"]) == text[-len(recent) :]
    lstmcast.window("t.csv", "w", set=["data.target=y", "data.time=t", *SMALL[:2]])
    windows = pd.read_csv("w/windows.csv")
    assert windows["first_input"][0] == "2024-01-01T00:00:00+01:00"
    assert windows["last_target"].iloc[-1] == text[-1]


def test_names_of_series_stay_text(here):
    table = panel([10, 20], [0, 0])
    table["id"] = table["id"].map({"s0": "007", "s1": "NA"})
    table.to_csv("t.csv", index=False)
    run = train("t.csv", "data.time=day", "data.target=y", "data.series=id")
    assert set(run.forecast["id"]) == {"007", "NA"}
    pd.testing.assert_frame_equal(run.forecast, run.predict())


def test_a_bad_cell_in_a_column_of_numbers_is_named_and_not_left_out(here):
    text = daily_text().replace("2024-01-09,", "2024-01-09,oops")
    (here / "t.csv").write_text(text)
    with pytest.raises(DataError, match=r"line 10 'oops"):
        train("t.csv")


def test_a_bad_cell_among_decimal_commas_is_named_too(here):
    rows = [f"{day:02}.02.2024;{day},5" for day in range(1, 29)]
    rows[8] = "09.02.2024;oops"
    (here / "t.csv").write_text("\n".join(["day;y", *rows]) + "\n")
    with pytest.raises(DataError, match=r"line 10 'oops"):
        train("t.csv")


def test_rows_left_out_at_the_start_are_said(here):
    table = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=120).astype(str)})
    table["early"], table["late"] = np.arange(120) % 7, np.arange(120) % 5
    table.loc[:29, "late"] = np.nan
    table.to_csv("t.csv", index=False)
    run = train("t.csv")
    notes = json.loads((run.path / "findings.json").read_text())["notes"]
    assert any("30 rows" in note and "'late'" in note for note in notes)


def test_noise_after_the_cut_changes_no_weight_scaler_or_fallback(here):
    table = panel([50, 80], [0, 10])
    table.to_csv("a.csv", index=False)
    noisy = table.copy()
    after = noisy["day"] >= "2024-04-10"
    # Steep, so that another baseline than before is the best on the test rows.
    noisy.loc[after, "y"] = 1e4 * np.arange(after.sum()) + np.random.default_rng(1).normal(
        0, 10, after.sum()
    )
    noisy.to_csv("b.csv", index=False)
    roles = ["data.time=day", "data.target=y", "data.series=id"]
    cuts = ["split.validation=2024-03-20", "split.test=2024-04-10"]
    runs = [train(f"{name}.csv", *roles, *cuts, run=name) for name in "ab"]
    first, second = ((run.path / "model.safetensors").read_bytes() for run in runs)
    assert first == second
    simple = ("naive", "seasonal_naive", "drift")
    tests = [run.metrics["test"] for run in runs]
    best = [min(simple, key=lambda name, scores=scores: scores[name]["mae"]) for scores in tests]
    assert best[0] != best[1]
    validation = [run.metrics["validation"] for run in runs]
    assert validation[0] == validation[1]  # the linear baseline among them


def test_a_run_that_two_processes_number_alike_gets_the_next_number(here):
    from lstmcast.runs.folder import next_run

    first, second = next_run("x"), next_run("x")
    assert first.create().path.name == "x-0001"
    assert second.create().path.name == "x-0002"


def test_a_network_too_large_for_memory_is_refused_before_a_folder_is_made(cli, here):
    (here / "t.csv").write_text(daily_text())
    flags = ["-s", "window.lookback=14", "-s", "window.horizon=3", "-s", "network.units=20000000"]
    outcome = cli("train", "t.csv", *flags)
    assert outcome.code == 2 and "network.units" in outcome.err
    assert not (here / "runs").exists()


def test_beats_is_never_said_of_a_higher_mae():
    from lstmcast.judging.scores import SplitScores
    from lstmcast.judging.verdict import decide

    rng = np.random.default_rng(0)
    losses = {"lstmcast": 1 + 0.01 * rng.random(50), "naive": 2 + 0.01 * rng.random(50)}
    scores = {"lstmcast": {"mae": 10.6}, "naive": {"mae": 10.0}}
    verdict = decide(SplitScores(scores, losses), horizon=1)
    assert not verdict.beats and "does not beat" in verdict.sentence()
    assert "6.0 % higher" in verdict.sentence()


def test_the_model_file_holds_one_metadata_key_of_canonical_json(daily_run):
    with safe_open(daily_run / "model.safetensors", framework="pt") as file:
        metadata = file.metadata()
    text = metadata.pop("lstmcast")
    assert not metadata
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) == text


def test_at_after_the_last_row_is_refused(daily_run, here):
    (here / "d.csv").write_text(daily_text())
    with pytest.raises(DataError, match="--at 2050-01-01"):
        lstmcast.predict(daily_run, "d.csv", at="2050-01-01")
    last = lstmcast.predict(daily_run, "d.csv", at="2024-04-29")
    pd.testing.assert_frame_equal(last, lstmcast.predict(daily_run, "d.csv"))


def test_refit_keeps_a_limit_of_steps_to_the_same_number_of_epochs(here, monkeypatch):
    import lstmcast.pipeline.fit as workflow

    (here / "t.csv").write_text(daily_text())
    fits = []
    fit = workflow.fit_network

    def noted(*arguments):
        fits.append(fit(*arguments))
        return fits[-1]

    monkeypatch.setattr(workflow, "fit_network", noted)
    limits = ["training.max_steps=4", "training.max_epochs=9", "split.validation=0"]
    train("t.csv", *limits, "training.refit=all")
    first, again = fits
    assert (first.best_epoch, first.history[-1].steps) == (2, 4)
    # 80 windows train, 104 when all rows do: 4 * 104 / 80 steps, rounded up.
    assert again.history[-1].steps == 6
    assert all(epoch.learning_rate > 0 for epoch in again.history)


def test_a_config_is_not_copied_onto_its_own_data(cli, here):
    outcome = cli("configs", "co2", "-o", "co2_weekly.csv")
    assert outcome.code == 5 and "co2_weekly.csv" in outcome.err
    assert list(here.iterdir()) == []
