"""Imputation of missing values against pandas' ffill and interpolate, on each side of the cuts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmcast.config import DataConfig
from lstmcast.errors import DataError
from lstmcast.panel.build import build_panel, read_panel
from lstmcast.panel.gaps import fill_gaps, usable_origins
from lstmcast.panel.panel import Panel
from lstmcast.panel.splits import Cuts, no_cuts
from lstmcast.tables.read import Table


def holed(seed: int, lengths: tuple[int, ...], known_ahead: int = 0) -> tuple[Panel, Table]:
    """Series of these lengths whose first row is whole, with about half of all other cells missing.

    The last target is known, unless rows follow of which only the future column is.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for s, length in enumerate(lengths):
        cells = rng.normal(0, 10, (length, 3))
        cells[1:][rng.random((length - 1, 3)) < 0.5] = np.nan
        cells[length - 1, 0] = 5.0
        ahead = np.full((known_ahead, 3), np.nan)
        ahead[:, 2] = rng.normal(size=known_ahead)
        parts.append(pd.DataFrame(np.concatenate([cells, ahead]), columns=["y", "p", "f"]))
        parts[-1].insert(0, "id", f"series {s}")
    table = Table("table", pd.concat(parts, ignore_index=True), "")
    config = DataConfig(path="-", target="y", past="p", future="f", series="id")
    return build_panel(table, config), table


def cuts_at(panel: Panel, rng: np.random.Generator) -> Cuts:
    """Cuts anywhere, one at a time or both at the same row."""
    starts = panel.offsets[:-1]
    two = np.sort(rng.integers(0, panel.lengths + 1, (2, panel.series_count)), axis=0)
    return Cuts(starts, starts + two[0], starts + two[1], panel.ends)


def frame_of(panel: Panel, cuts: Cuts) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """All rows as a frame, the series of each, its side of the cuts, and whether it is history."""
    counts = np.diff(panel.offsets)
    series = np.repeat(np.arange(panel.series_count), counts)
    rows = np.arange(len(series))
    side = (rows >= cuts.train[series]).astype(int) + (rows >= cuts.validation[series])
    return pd.DataFrame(panel.values), series, side, rows < panel.ends[series]


SEEDS = st.integers(0, 10**6)
LENGTHS = st.lists(st.integers(1, 25), min_size=1, max_size=4).map(tuple)


@settings(max_examples=40, deadline=None)
@given(SEEDS, LENGTHS, st.integers(0, 2))
def test_forward_is_pandas_ffill_within_each_series(seed, lengths, known_ahead):
    panel, table = holed(seed, lengths, known_ahead)
    cuts = cuts_at(panel, np.random.default_rng(seed))
    frame, series, _, history = frame_of(panel, cuts)
    filled = fill_gaps(panel, "forward", cuts, table)
    wanted = frame.groupby(series).ffill()[history]
    np.testing.assert_array_equal(filled.values[history], wanted)
    np.testing.assert_array_equal(filled.observed, panel.observed)


@settings(max_examples=40, deadline=None)
@given(SEEDS, LENGTHS, st.integers(0, 2))
def test_interpolate_is_pandas_interpolate_on_each_side_of_the_cuts(seed, lengths, known_ahead):
    panel, table = holed(seed, lengths, known_ahead)
    cuts = cuts_at(panel, np.random.default_rng(seed))
    frame, series, side, history = frame_of(panel, cuts)
    # Lines inside a side of the cuts; what is left crosses one, or has no known value behind it.
    lines = frame.groupby([series, side], group_keys=False).transform(
        lambda column: column.interpolate(limit_area="inside")
    )
    wanted = lines.where(lines.notna(), frame.groupby(series).ffill())
    filled = fill_gaps(panel, "interpolate", cuts, table)
    np.testing.assert_allclose(filled.values[history], wanted[history], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(filled.observed, panel.observed)


def test_zero_takes_missing_values_for_real_zeros():
    panel, table = holed(3, (9, 14))
    filled = fill_gaps(panel, "zero", no_cuts(panel), table)
    np.testing.assert_array_equal(filled.values, pd.DataFrame(panel.values).fillna(0))
    assert filled.observed.all() and not panel.observed.all()


@pytest.mark.parametrize("method", ["forward", "interpolate", "zero"])
def test_known_values_and_rows_after_history_stay_as_they_are(method):
    panel, table = holed(4, (9, 14), known_ahead=3)
    filled = fill_gaps(panel, method, no_cuts(panel), table)
    np.testing.assert_array_equal(filled.values[panel.observed], panel.values[panel.observed])
    later = np.concatenate([np.arange(9, 12), np.arange(26, 29)])
    assert np.isnan(filled.values[later, :2]).all() and not filled.observed[later, :2].any()
    history = np.setdiff1d(np.arange(29), later)
    assert not np.isnan(filled.values[history]).any()


def gap_of_ten() -> tuple[Panel, Table]:
    """Values 0, 1, ..., 29 at rows 0 to 29, rows 10 to 19 missing."""
    frame = pd.DataFrame({"y": np.arange(30.0)})
    frame.loc[10:19, "y"] = np.nan
    table = Table("table", frame, "")
    return build_panel(table, DataConfig(path="-", target="y")), table


@pytest.mark.parametrize("cut", range(5, 26))
def test_a_gap_across_a_cut_is_filled_forward_and_any_other_by_a_line(cut):
    panel, table = gap_of_ten()
    for train, validation in ((cut, 29), (5, cut)):
        cuts = Cuts(np.array([0]), np.array([train]), np.array([validation]), panel.ends)
        values = fill_gaps(panel, "interpolate", cuts, table).values[:, 0]
        crossed = 10 <= cut <= 20  # between the known rows 9 and 20
        assert values[10:20].tolist() == pytest.approx([9.0] * 10 if crossed else range(10, 20))


@settings(max_examples=40, deadline=None)
@given(SEEDS, LENGTHS)
def test_no_usable_origin_has_inputs_that_know_what_comes(seed, lengths):
    panel, table = holed(seed, lengths)
    cuts = no_cuts(panel)
    usable = usable_origins(panel, "interpolate")
    filled = fill_gaps(panel, "interpolate", cuts, table).values
    whole = panel.observed.all(axis=1)
    if whole.all():
        assert usable is None
        return
    for origin in range(1, len(whole) + 1):
        assert usable[origin] == whole[origin - 1]
        if usable[origin]:
            later = panel.values.copy()
            later[origin:] += 100
            other = fill_gaps(replace_values(panel, later), "interpolate", cuts, table).values
            np.testing.assert_array_equal(other[:origin], filled[:origin])


def replace_values(panel: Panel, values: np.ndarray) -> Panel:
    return Panel(**{**vars(panel), "values": values})


@pytest.mark.parametrize("method", ["forward", "zero", "error"])
def test_every_origin_is_usable_where_no_line_is_drawn(method):
    assert usable_origins(holed(5, (20,))[0], method) is None


def test_a_whole_panel_is_given_back_as_it_is():
    table = Table("table", pd.DataFrame({"y": [1.0, 2.0]}), "")
    panel = build_panel(table, DataConfig(path="-", target="y"))
    for method in ("forward", "interpolate", "zero", "error"):
        assert fill_gaps(panel, method, no_cuts(panel), table) is panel


def test_error_says_how_much_is_missing_and_where_it_begins(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "t,id,y,p\n2024-01-01,a,1,1\n2024-01-02,a,2,2\n2024-01-01,b,1,1\n2024-01-02,b,1,\n"
        "2024-01-05,b,5,5\n"
    )
    config = DataConfig(path=str(path), time="t", target="y", past="p", series="id", frequency="D")
    panel, table = read_panel(config.model_copy(update={"path": str(path)}))
    with pytest.raises(DataError) as caught:
        fill_gaps(panel, "error", no_cuts(panel), table)
    words = str(caught.value)
    for fact in ("t.csv: 5 values", "2 whole rows", "'p' at 2024-01-02 of b (line 5)", "data.gaps"):
        assert fact in words


def test_error_says_that_a_row_is_missing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("t,y\n2024-01-01,1\n2024-01-02,2\n2024-01-04,3\n")
    config = DataConfig(path=str(path), time="t", target="y", frequency="D")
    panel, table = read_panel(config.model_copy(update={"path": str(path)}))
    with pytest.raises(DataError, match=r"'y' at 2024-01-03 \(the row is missing\)"):
        fill_gaps(panel, "error", no_cuts(panel), table)
