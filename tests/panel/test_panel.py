"""Panels against tables written by hand, and against pandas' groupby and reindex."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmcast.config import DataConfig
from lstmcast.errors import DataError
from lstmcast.panel.build import build_panel, read_columns
from lstmcast.panel.panel import FILLED, Panel
from lstmcast.tables.read import Table


def days(start: str, count: int) -> list[str]:
    return [str(day.date()) for day in pd.date_range(start, periods=count)]


def read(folder: Path, text: str, until: str | None = None, **data: object) -> Panel:
    """The panel of a CSV given as text; column `t` is the time, `y` the target, unless said."""
    path = folder / "table.csv"
    path.write_text(text)
    config = DataConfig(**{"path": str(path), "time": "t", "target": "y", **data})
    config = config.model_copy(update={"path": str(path)})
    return build_panel(read_columns(config), config, until)


def csv(rows: list[tuple[object, ...]], header: str = "t,y") -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def series_rows(panel: Panel, series: int) -> slice:
    return slice(panel.offsets[series], panel.offsets[series + 1])


def times(panel: Panel, series: int = 0) -> list[str]:
    rows = np.arange(len(panel.values))[series_rows(panel, series)]
    return panel.format_times(panel.ordinals(rows, np.full(len(rows), series)))


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """A long daily table, rows in any order: series of any length, days and cells missing."""
    frames = []
    for name in draw(st.sets(st.sampled_from(["b", "a", "B", "10", "9", "é"]), min_size=1)):
        first = draw(st.integers(0, 40))
        places = sorted(draw(st.sets(st.integers(first, first + 12), min_size=1)))
        cells = st.one_of(st.none(), st.integers(-9, 9).map(float))
        frames.append(
            pd.DataFrame(
                {
                    "id": name,
                    "t": [days("2023-12-20", 60)[place] for place in places],
                    **{c: [draw(cells) for _ in places] for c in ("y", "p", "f")},
                }
            )
        )
    frame = pd.concat(frames, ignore_index=True).astype({"y": float, "p": float, "f": float})
    order = draw(st.permutations(range(len(frame))))
    return frame.iloc[list(order)].reset_index(drop=True)


def expected_history(group: pd.DataFrame) -> pd.DataFrame:
    """One series by pandas: a row a day, from the first complete one to the last known."""
    cells = group.set_index(pd.to_datetime(group["t"]))[["y", "p", "f"]].sort_index()
    full = cells.reindex(pd.date_range(cells.index[0], cells.index[-1], freq="D"))
    complete = full.dropna()
    if complete.empty:
        return complete
    last = full["y"].last_valid_index()
    later = full.loc[full.index > last, "f"].notna()
    known_ahead = int(later.cumprod().sum())
    return full.loc[complete.index[0] : last + pd.Timedelta(days=known_ahead)]


@settings(max_examples=40, deadline=None)
@given(tables())
def test_panel_is_what_pandas_makes_of_each_series(frame):
    config = DataConfig(
        path="-", time="t", target="y", past="p", future="f", series="id", frequency="D"
    )
    wanted = {name: expected_history(group) for name, group in frame.groupby("id")}
    if all(part.empty for part in wanted.values()):
        with pytest.raises(DataError, match="no series"):
            build_panel(Table("table", frame, ""), config)
        return
    panel = build_panel(Table("table", frame, ""), config)
    assert panel.left_out == tuple((name,) for name, part in wanted.items() if part.empty)
    wanted = {name: part for name, part in wanted.items() if len(part)}
    assert panel.names == [(name,) for name in wanted]
    assert panel.offsets.tolist() == [0, *np.cumsum([len(part) for part in wanted.values()])]
    for s, part in enumerate(wanted.values()):
        rows = series_rows(panel, s)
        np.testing.assert_array_equal(panel.values[rows], part.to_numpy())
        np.testing.assert_array_equal(panel.observed[rows], part.notna().to_numpy())
        assert times(panel, s) == part.index.strftime("%Y-%m-%d").tolist()
        assert panel.ends[s] - panel.offsets[s] == len(part[: part["y"].last_valid_index()])
    for row, source in enumerate(panel.source_rows):
        series = panel.series_of(np.array([row]))
        stamp = panel.format_times(panel.ordinals(np.array([row]), series))[0]
        same = frame[(frame["id"] == panel.names[series[0]][0]) & (frame["t"] == stamp)]
        assert same.index.tolist() == ([] if source == FILLED else [source])


def test_source_rows_point_to_the_lines_of_the_csv(tmp_path):
    stamps = days("2024-01-01", 5)
    text = csv([(stamps[3], 13), (stamps[0], 10), (stamps[4], 14), (stamps[1], 11)])
    panel = read(tmp_path, text)
    assert panel.source_rows.tolist() == [1, 3, FILLED, 0, 2]
    lines = text.splitlines()[1:]
    for stamp, value, source in zip(
        times(panel), panel.values[:, 0], panel.source_rows, strict=True
    ):
        if source != FILLED:
            assert lines[source] == f"{stamp},{value:g}"


def test_gaps_become_rows_without_values(tmp_path):
    hours = pd.date_range("2024-03-01", periods=30, freq="h").delete([4, 17, 18])
    panel = read(tmp_path, csv([(stamp, stamp.hour) for stamp in hours]))
    assert len(panel.values) == 30
    assert np.flatnonzero(np.isnan(panel.values[:, 0])).tolist() == [4, 17, 18]
    assert np.flatnonzero(~panel.observed[:, 0]).tolist() == [4, 17, 18]
    assert np.flatnonzero(panel.source_rows == FILLED).tolist() == [4, 17, 18]
    assert times(panel)[17] == "2024-03-01 17:00:00"


def test_two_series_columns_name_series_together_in_order(tmp_path):
    first, second = days("2024-01-01", 2)
    rows = [
        (first, "z", "1", 1),
        (second, "z", "1", 2),
        (second, "a", "2", 3),
        (first, "a", "2", 4),
    ]
    panel = read(
        tmp_path, csv([*rows, (second, "a", "1", 5)], "t,shop,item,y"), series=["shop", "item"]
    )
    assert panel.names == [("a", "1"), ("a", "2"), ("z", "1")]
    assert panel.values[:, 0].tolist() == [5, 4, 3, 1, 2]
    assert panel.offsets.tolist() == [0, 1, 3, 5]
    assert panel.starts.tolist() == [panel.starts[1] + 1, panel.starts[1], panel.starts[1]]
    assert panel.describe(2) == "z 1"
    assert panel.series_of(np.arange(5)).tolist() == [0, 1, 1, 2, 2]


def test_series_names_keep_the_spelling_of_the_file(tmp_path):
    rows = [(stamp, name, 1) for name in ("007", "7", "NA") for stamp in days("2024-01-01", 3)]
    assert read(tmp_path, csv(rows, "t,id,y"), series="id").names == [("007",), ("7",), ("NA",)]


def test_empty_series_name_is_refused_with_its_line(tmp_path):
    text = csv([("2024-01-01", "a", 1), ("2024-01-02", "", 2), ("2024-01-03", "", 3)], "t,id,y")
    with pytest.raises(DataError, match=r"line 3: column 'id' .*empty.*\b2\b"):
        read(tmp_path, text, series="id")


REPEATED = csv(
    [
        ("2024-01-01", "a", 1, 10),
        ("2024-01-02", "a", 2, ""),
        ("2024-01-03", "a", 9, 70),
        ("2024-01-02", "a", 4, 30),
        ("2024-01-02", "b", 6, 40),
        ("2024-01-02", "a", "", 50),
    ],
    "t,id,y,p",
)


@pytest.mark.parametrize("policy", ["first", "last", "mean"])
def test_duplicates_are_treated_as_pandas_would(tmp_path, policy):
    panel = read(tmp_path, REPEATED, series="id", past="p", duplicates=policy)
    frame = pd.read_csv(io.StringIO(REPEATED))
    if policy == "mean":
        wanted = frame.groupby(["id", "t"])[["y", "p"]].mean()
    else:
        wanted = frame.drop_duplicates(["id", "t"], keep=policy).sort_values(["id", "t"])[
            ["y", "p"]
        ]
    np.testing.assert_array_equal(panel.values, wanted.to_numpy())
    assert panel.source_rows.tolist() == [0, {"first": 1, "last": 5, "mean": 1}[policy], 2, 4]


def test_duplicates_are_refused_with_their_lines(tmp_path):
    with pytest.raises(
        DataError, match=r"\b2 rows .*: line 5, line 7\. .*data\.duplicates"
    ) as caught:
        read(tmp_path, REPEATED, series="id", past="p")
    assert "daylight saving" not in str(caught.value)
    with pytest.raises(DataError, match=r"\b4 rows .*: line 3, line 4, line 5, \.\.\."):
        stamps = ["2024-01-01"] * 5 + days("2024-01-02", 4)
        read(tmp_path, csv([(stamp, 1) for stamp in stamps]))


def test_duplicates_at_the_end_of_daylight_saving_time_dst_are_recognised(tmp_path):
    local = pd.date_range("2024-10-26", "2024-10-28", freq="h", tz="Europe/Berlin").tz_localize(
        None
    )
    with pytest.raises(DataError, match=r"\b1 row.*line 29.*end of daylight saving time"):
        read(tmp_path, csv([(stamp, 1) for stamp in local]))
    weeks = [*days("2024-10-06", 29)[::7], "2024-10-13"]  # Sundays, but no clock
    with pytest.raises(DataError, match="line 7") as caught:
        read(tmp_path, csv([(stamp, 1) for stamp in weeks]))
    assert "daylight saving" not in str(caught.value)


@pytest.mark.parametrize("frequency", ["auto", "D"])
def test_a_stamp_mistyped_far_away_is_refused_with_its_line(tmp_path, frequency):
    stamps = days("2024-01-01", 300)
    stamps[120] = stamps[120].replace("2024", "2204")
    text = csv([(stamp, 1) for stamp in stamps])
    with pytest.raises(DataError, match=r"between line 301 and line 122\. .*data\.frequency"):
        read(tmp_path, text, frequency=frequency)
    mended = read(tmp_path, text, frequency=frequency, end="2024-12-31")
    assert len(mended.values) == 300 and not mended.observed[120]


def test_rows_off_the_given_frequency_are_refused_with_their_lines(tmp_path):
    stamps = ["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:30", "2024-01-01 03:00"]
    with pytest.raises(DataError, match=r"'t'.*\b1 stamp .*data\.frequency: h\b.*line 4$"):
        read(tmp_path, csv([(stamp, 1) for stamp in stamps]), frequency="h")


WEEKS = [(day, k) for k, day in enumerate(days("2024-01-07", 70)[::7])]  # Sundays


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"start": "2024-01-21"}, range(2, 10)),
        ({"start": "2024-01-17"}, range(2, 10)),  # a Wednesday: from the Sunday after it
        ({"end": "2024-02-04"}, range(0, 5)),
        ({"end": "2024-02-07"}, range(0, 5)),  # a Wednesday: to the Sunday before it
        ({"start": "2024-01-14", "end": "2024-01-28"}, range(1, 4)),
        ({"until": "2024-02-05"}, range(0, 5)),
        ({"end": "2024-02-04", "until": "2024-01-21"}, range(0, 3)),
        ({"start": "1999-01-01", "end": "2100-01-01"}, range(0, 10)),
    ],
)
def test_rows_outside_start_end_and_until_are_dropped(tmp_path, limits, kept):
    panel = read(tmp_path, csv(WEEKS), **limits)
    assert panel.values[:, 0].tolist() == list(kept)
    assert times(panel) == [WEEKS[k][0] for k in kept]


def test_limits_without_a_row_between_them_are_refused(tmp_path):
    for limits in ({"start": "2030-01-01"}, {"until": "2020-01-01"}):
        with pytest.raises(DataError, match=r"no row|first row .* comes after it"):
            read(tmp_path, csv(WEEKS), **limits)


def test_limits_that_are_no_stamps_are_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"^data\.end: .*soon"):
        read(tmp_path, csv(WEEKS), end="soon")
    with pytest.raises(DataError, match=r"^--at: .*now"):
        read(tmp_path, csv(WEEKS), until="now")


def test_a_table_without_time_counts_the_rows_of_each_series(tmp_path):
    text = csv([("b", 1), ("a", 10), ("b", 2), ("b", ""), ("a", 20), ("b", 4)], "id,y")
    panel = read(tmp_path, text, time=None, series="id")
    np.testing.assert_array_equal(panel.values[:, 0], [10, 20, 1, 2, np.nan, 4])
    assert panel.source_rows.tolist() == [1, 4, 0, 2, 3, 5]
    assert times(panel, 1) == ["1", "2", "3", "4"]
    part = read(tmp_path, text, time=None, series="id", start=2, end=3)
    np.testing.assert_array_equal(part.values[:, 0], [20, 2])
    assert times(part, 1) == ["2"]
    assert read(tmp_path, text, "2", time=None, series="id").values[:, 0].tolist() == [10, 20, 1, 2]


@pytest.mark.parametrize("until", ["0", "2024-01-01", "1.5"])
def test_row_numbers_that_are_none_are_refused(tmp_path, until):
    with pytest.raises(DataError, match=rf"--at: .*row number from 1.*'{until}'"):
        read(tmp_path, "y\n1\n2\n", until, time=None)


def test_starts_are_trimmed_until_a_row_is_complete(tmp_path):
    cells = [("", 1), (5, ""), ("", 2), (6, 3), ("", ""), (7, 4)]
    text = csv(
        [(day, *row) for day, row in zip(days("2024-01-01", 6), cells, strict=True)], "t,y,x"
    )
    for role in ("past", "future"):
        panel = read(tmp_path, text, **{role: "x"})
        assert times(panel) == days("2024-01-04", 3)
        np.testing.assert_array_equal(panel.values, [[6, 3], [np.nan, np.nan], [7, 4]])
        assert panel.starts[0] == read(tmp_path, text, target="x").starts[0] + 3


def test_trailing_rows_stay_only_while_their_future_columns_are_known(tmp_path):
    cells = [(1, 1, 1), (2, 2, 2), ("", "", 3), ("", 9, 4), ("", "", ""), ("", "", 6)]
    text = csv(
        [(day, *row) for day, row in zip(days("2024-01-01", 6), cells, strict=True)], "t,y,p,f"
    )
    ahead = read(tmp_path, text, past="p", future="f")
    assert ahead.ends.tolist() == [2] and ahead.lengths.tolist() == [2]
    assert ahead.values[:, 2].tolist() == [1, 2, 3, 4]
    plain = read(tmp_path, text, past="p")
    assert plain.ends.tolist() == [2] and len(plain.values) == 2


def test_until_keeps_what_is_known_ahead_and_nothing_else(tmp_path):
    text = csv([(day, k, 10 + k, 20 + k) for k, day in enumerate(days("2024-01-01", 6))], "t,y,p,f")
    panel = read(tmp_path, text, "2024-01-03", past="p", future="f")
    assert panel.ends.tolist() == [3]
    assert panel.values[:, 2].tolist() == [20, 21, 22, 23, 24, 25]
    assert np.isnan(panel.values[3:, :2]).all() and not panel.observed[3:, :2].any()


def test_series_that_never_are_complete_are_dropped_and_named(tmp_path):
    rows = [
        (day, name, "" if name == "b" else 1) for name in "abc" for day in days("2024-01-01", 3)
    ]
    panel = read(tmp_path, csv(rows, "t,id,y"), series="id")
    assert panel.names == [("a",), ("c",)] and panel.left_out == (("b",),)
    assert panel.offsets.tolist() == [0, 3, 6]


def test_an_empty_column_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match="'p'"):
        read(tmp_path, csv([(day, 1, "") for day in days("2024-01-01", 4)], "t,y,p"), past="p")


def test_a_static_covariate_holds_one_value_per_series(tmp_path):
    rows = [("b", 5, 1), ("a", 3, 2), ("b", "", 3), ("a", 3, 4)]
    panel = read(tmp_path, csv(rows, "id,size,y"), time=None, series="id", static="size")
    assert panel.static.tolist() == [[3], [5]]


@pytest.mark.parametrize(("cell", "fault"), [("4", "changes"), ("", "has no value")])
def test_a_static_covariate_with_a_fault_is_refused_with_the_name_of_the_series(
    tmp_path, cell, fault
):
    rows = [("a", 1, 1), ("south", 3 if cell else "", 1), ("south", cell, 1)]
    with pytest.raises(DataError, match=rf"static column 'size' {fault} in south\b"):
        read(tmp_path, csv(rows, "id,size,y"), time=None, series="id", static="size")


def test_columns_lie_in_the_order_of_their_roles(tmp_path):
    text = csv([(1, 2, 3, 4, 5)], "f,p2,y2,p1,y1")
    panel = read(tmp_path, text, time=None, target=["y1", "y2"], past=["p1", "p2"], future="f")
    assert panel.columns.inputs == ("y1", "y2", "p1", "p2", "f")
    assert panel.values.tolist() == [[5, 3, 4, 2, 1]]
    assert panel.targets.tolist() == [[5, 3]] and panel.targets_observed.shape == (1, 2)


def test_season_is_the_frequencys_unless_given(tmp_path):
    text = csv([(stamp, 1) for stamp in pd.date_range("2024-01-01", periods=9, freq="h")])
    assert read(tmp_path, text).frequency.season == 24
    assert read(tmp_path, text, season=5).frequency.season == 5
