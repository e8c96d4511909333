"""Frequencies: pandas' own grids, daylight saving (DST) too, are inferred, counted, continued."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstmcast.errors import ConfigError, DataError
from lstmcast.stamps.frequency import (
    Frequency,
    frequency_from_alias,
    guess_time_column,
    infer_frequency,
)
from lstmcast.tables.peek import peek

# Alias, steps in a season, words.
GRIDS = [
    ("ms", 1000, "every millisecond"),
    ("s", 60, "every second"),
    ("15s", 4, "every 15 seconds"),
    ("min", 1440, "every minute"),
    ("15min", 96, "every 15 minutes"),
    ("30min", 48, "every 30 minutes"),
    ("h", 24, "hourly"),
    ("6h", 4, "every 6 hours"),
    ("7h", 1, "every 7 hours"),
    ("12h", 2, "every 12 hours"),
    ("D", 7, "daily"),
    ("2D", 1, "every 2 days"),
    ("B", 5, "every business day"),
    ("W-SUN", 52, "weekly on Sundays"),
    ("W-WED", 52, "weekly on Wednesdays"),
    ("2W-SAT", 26, "every 2 weeks on Saturdays"),
    ("4W-TUE", 13, "every 4 weeks on Tuesdays"),
    ("MS", 12, "monthly"),
    ("ME", 12, "monthly at month end"),
    ("2MS", 6, "every 2 months"),
    ("6ME", 2, "every 6 months at month end"),
    ("QS-JAN", 4, "quarterly"),
    ("QS-FEB", 4, "quarterly"),
    ("QE-DEC", 4, "quarterly at month end"),
    ("QE-OCT", 4, "quarterly at month end"),
    ("YS-JAN", 1, "yearly in January"),
    ("YS-JUL", 1, "yearly in July"),
    ("YE-DEC", 1, "yearly in December at month end"),
    ("10YS-JAN", 1, "every 10 years in January"),
]
ALIASES = [alias for alias, _, _ in GRIDS]


def grid(alias: str, periods: int = 40, start: str = "1961-02-27") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=periods, freq=alias)


def infer(stamps: pd.DatetimeIndex | np.ndarray, series: object = None) -> Frequency:
    values = np.asarray(stamps, dtype="datetime64[us]")
    codes = np.zeros(len(values), dtype=np.int64) if series is None else np.asarray(series)
    return infer_frequency(values, codes, where=lambda row: f"line {row + 2}", table="t.csv")


@pytest.mark.parametrize(("alias", "season", "words"), GRIDS)
def test_every_grid_of_pandas_is_inferred(alias: str, season: int, words: str) -> None:
    frequency = infer(grid(alias))
    assert (frequency.alias, frequency.season, frequency.words) == (alias, season, words)


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("start", ["1961-02-27", "2019-12-31"])
def test_ordinals_and_stamps_are_each_others_inverse(alias: str, start: str) -> None:
    index = (
        grid(alias, 400 if "10Y" not in alias else 100, start).to_numpy().astype("datetime64[us]")
    )
    frequency = infer(index[: len(index) // 2])
    places, on_grid = frequency.ordinals(index)
    assert on_grid.all()
    assert (np.diff(places) == 1).all()
    np.testing.assert_array_equal(frequency.stamps(places), index)


@pytest.mark.parametrize("alias", ALIASES)
def test_a_stamp_between_two_places_has_the_ordinal_of_the_first(alias: str) -> None:
    index = grid(alias).to_numpy().astype("datetime64[us]")
    frequency = infer(index)
    places, _ = frequency.ordinals(index)
    for moved, expected in ((1, places), (-1, places - 1)):
        found, on_grid = frequency.ordinals(index + np.timedelta64(moved, "us"))
        np.testing.assert_array_equal(found, expected)
        assert not on_grid.any()


@pytest.mark.parametrize("alias", ALIASES)
def test_a_frequency_survives_json(alias: str) -> None:
    frequency = infer(grid(alias))
    assert Frequency.from_json(json.loads(json.dumps(frequency.to_json()))) == frequency


@pytest.mark.parametrize("alias", ALIASES)
def test_a_named_frequency_is_the_inferred_one(alias: str) -> None:
    index = grid(alias)
    assert frequency_from_alias(alias, index.to_numpy()) == infer(index)


@pytest.mark.parametrize("alias", ALIASES)
def test_gaps_repeats_and_disorder_change_nothing(alias: str) -> None:
    index = grid(alias, 90)
    kept = np.delete(np.arange(90), [3, 4, 20, 41, 42, 43, 70])
    mixed = np.random.default_rng(0).permutation(np.concatenate([kept, kept[:5]]))
    assert infer(index[mixed]) == infer(index)


def test_series_may_start_anywhere_on_one_grid() -> None:
    index = grid("W-SUN", 60)
    stamps = np.concatenate([index[:20], index[30:60], index[5:9]])
    series = np.repeat([0, 1, 2], [20, 30, 4])
    assert infer(stamps, series).alias == "W-SUN"
    both = np.concatenate([index[:20], index[30:60] + pd.Timedelta("1D")])
    with pytest.raises(DataError, match=r"20 of 50 time stamps .* weekly on Mondays \(W-MON\)"):
        infer(both, np.repeat([0, 1], [20, 30]))


def test_steps_between_series_do_not_count() -> None:
    days = grid("D", 30)
    stamps = np.concatenate([days + pd.Timedelta(hours=1) * 0, days])
    assert infer(stamps, np.repeat([0, 1], 30)).alias == "D"


@pytest.mark.parametrize("alias", ["D", "B", "W-SUN", "MS", "ME", "QS-JAN"])
def test_a_time_of_day_is_kept(alias: str) -> None:
    index = grid(alias) + pd.Timedelta(hours=6)
    frequency = infer(index)
    assert frequency.alias == alias
    assert frequency.words.endswith(" at 06:00")
    places, on_grid = frequency.ordinals(index.to_numpy())
    assert on_grid.all()
    np.testing.assert_array_equal(
        frequency.stamps(places), index.to_numpy().astype("datetime64[us]")
    )


def test_the_same_day_of_every_month_is_a_month() -> None:
    index = grid("MS", start="2020-01-01") + pd.Timedelta(days=14)
    frequency = infer(index)
    assert (frequency.alias, frequency.day, frequency.words) == ("MS", 15, "monthly on day 15")
    assert frequency_from_alias("MS", index.to_numpy()) == frequency
    thirtieth = [stamp.replace(day=min(30, stamp.days_in_month)) for stamp in grid("MS")]
    frequency = infer(pd.DatetimeIndex(thirtieth))
    assert (frequency.alias, frequency.day) == ("MS", 30)


def test_weeks_with_a_weekend_row_are_days() -> None:
    index = grid("B", 40)
    assert infer(index.union(pd.DatetimeIndex(["1961-03-05"]))).alias == "D"


def test_one_weekend_passed_over_is_no_proof_of_business_days() -> None:
    assert infer(pd.date_range("2020-01-06", periods=9, freq="B")).alias == "D"
    assert infer(pd.date_range("2020-01-06", periods=11, freq="B")).alias == "B"


def test_an_hour_lost_or_repeated_by_daylight_saving_time_dst_leaves_hours() -> None:
    berlin = pd.date_range("2020-03-28", "2020-11-01", freq="h", tz="Europe/Berlin")
    wall = berlin.tz_localize(None)
    assert wall.duplicated().sum() == 1
    assert infer(wall).alias == "h"


def test_rows_off_the_grid_are_counted_and_shown_with_their_line() -> None:
    index = grid("h", 50, "2020-01-01").to_series().reset_index(drop=True)
    for row in (3, 7, 9, 11):
        index[row] += pd.Timedelta(minutes=1)
    with pytest.raises(DataError) as caught:
        infer(index.to_numpy())
    message = str(caught.value)
    assert "t.csv: 4 of 50 time stamps do not fit the frequency" in message
    assert "hourly (h): line 5 2020-01-01 03:01:00, line 9 " in message
    assert message.count("line ") == 3
    assert "set data.frequency" in message


def test_a_month_with_a_mistyped_day_is_shown() -> None:
    index = grid("MS", 30, "2020-01-01").to_series().reset_index(drop=True)
    index[4] = pd.Timestamp("2020-05-02")
    with pytest.raises(DataError, match=r"1 of 30 .* monthly \(MS\): line 6 2020-05-02"):
        infer(index.to_numpy())


@pytest.mark.parametrize("stamps", [["2020-01-01"], ["2020-01-01", "2020-01-02", "2020-01-02"]])
def test_too_few_stamps_are_refused(stamps: list[str]) -> None:
    with pytest.raises(DataError, match=r"too few to infer the frequency: set data\.frequency"):
        infer(pd.DatetimeIndex(stamps))


@pytest.mark.parametrize(
    ("written", "alias"),
    [
        ("H", "h"), ("T", "min"), ("30T", "30min"), ("S", "s"), ("d", "D"), ("2H", "2h"),
        ("M", "MS"),
        ("Q", "QS-JAN"), ("A", "YS-JAN"), ("Y", "YS-JAN"), ("AS", "YS-JAN"), ("w", "W-WED"),
        ("W", "W-WED"), ("w-wed", "W-WED"), ("7D", "W-WED"), ("b", "B"), ("QS", "QS-JAN"),
        ("60min", "h"), ("24h", "D"), ("3MS", "QS-JAN"), ("12MS", "YS-JAN"),
    ],
)  # fmt: skip
def test_other_spellings_of_a_frequency_are_known(written: str, alias: str) -> None:
    stamps = pd.DatetimeIndex(["2020-01-01"]).to_numpy()  # a Wednesday
    assert frequency_from_alias(written, stamps).alias == alias


def test_month_is_begin_or_end_as_the_stamps_are() -> None:
    assert frequency_from_alias("M", grid("ME").to_numpy()).alias == "ME"
    assert frequency_from_alias("Q-DEC", grid("QE-DEC").to_numpy()).alias == "QE-DEC"


def test_a_named_frequency_leaves_rows_off_its_grid_to_be_found() -> None:
    frequency = frequency_from_alias("MS", grid("ME").to_numpy())
    assert frequency.day == 1
    assert not frequency.ordinals(grid("ME").to_numpy())[1].any()


@pytest.mark.parametrize(
    "alias", ["hourly", "", "0h", "-1h", "W-FOO", "MS-JAN", "m", "B-MON", "2B", "QS-1"]
)
def test_an_unknown_frequency_is_a_fault_of_the_config(alias: str) -> None:
    with pytest.raises(ConfigError, match=r"is not a frequency; known: s, min, h, D, B, W"):
        frequency_from_alias(alias, grid("D").to_numpy())


def test_counted_rows_are_their_own_ordinals() -> None:
    frequency = frequency_from_alias("step", None)
    places, on_grid = frequency.ordinals(np.arange(5))
    assert (frequency.alias, frequency.season) == ("step", 1)
    assert places.tolist() == frequency.stamps(places).tolist() == [0, 1, 2, 3, 4]
    assert on_grid.all()


def test_stamps_of_all_centuries_are_counted_without_a_crash() -> None:
    ends = np.array(["0001-01-01", "9999-12-31"], dtype="datetime64[us]")
    for alias in ALIASES:
        frequency = infer(grid(alias))
        places, _ = frequency.ordinals(ends)
        assert (frequency.stamps(places) <= ends).all()


@pytest.mark.parametrize(
    ("content", "column"),
    [
        ("id,value,date\n1,5,2020-01-01\n2,6,2020-01-02\n3,7,2020-01-03\n", "date"),
        ("opened,Timestamp,v\n2019-01-01,2020-01-01,1\n2019-01-01,2020-01-02,2\n", "Timestamp"),
        ("v,when\n1,2020-01-01\n2,2020-01-02\n", "when"),
        ("ds,unique_id,y\n2020-01-01,a,1\n2020-01-02,a,1\n2020-01-01,b,1\n2020-01-02,b,1\n", "ds"),
        ("Year,v\n1990,1\n1991,2\n", "Year"),
        ("sales,v\n1990,1\n1991,2\n", None),
        ("n,v\n1,1\n2,2\n3,3\n", None),
        ("a,users\n1,1577836800\n2,1577836900\n", None),
        ("unix_time,v\n1577836800,1\n1577836900,2\n", "unix_time"),
        ("lead_time,v\n5,1\n7,2\n", None),
        ("date,v\n01/02/2020,1\n02/02/2020,2\n03/02/2020,2\n", "date"),
        ("date,v\n" + "".join(f"2020-01-{d:02},1\n" for d in range(1, 20)) + "total,1\n", "date"),
        ("Datum;Wert\n31.12.2020;1,5\n30.12.2020;2,5\n", "Datum"),
        ("Unnamed,v\nx,1\ny,2\n", None),
    ],
)  # fmt: skip
def test_the_time_column_is_guessed(tmp_path: Path, content: str, column: str | None) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    assert guess_time_column(peek(path)) == column
