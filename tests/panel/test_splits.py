"""Cuts against exact fractions and against pandas' comparison of dates."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmcast.config import DataConfig, SplitConfig
from lstmcast.errors import DataError
from lstmcast.panel.build import build_panel, read_panel
from lstmcast.panel.panel import Panel
from lstmcast.panel.splits import Cuts, cut_series, no_cuts
from lstmcast.tables.read import Table


def counted(*lengths: int) -> Panel:
    """Series `00`, `01`, ... of these lengths, without time."""
    names = [f"{k:02d}" for k, length in enumerate(lengths) for _ in range(length)]
    frame = pd.DataFrame({"id": names, "y": 1.0})
    return build_panel(Table("table", frame, ""), DataConfig(path="-", target="y", series="id"))


def sizes(cuts: Cuts) -> list[list[int]]:
    """Rows of train, validation and test of each series."""
    ends = np.column_stack([cuts.starts, cuts.train, cuts.validation, cuts.test])
    return np.diff(ends, axis=1).tolist()


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=4),
    st.integers(0, 499),
    st.integers(0, 499),
    st.integers(0, 30),
)
def test_fractions_are_floored_but_at_least_one_horizon(lengths, validation, test, horizon):
    def steps(thousandths: int, length: int) -> int:
        exact = Fraction(thousandths, 1000) * length
        return max(exact.numerator // exact.denominator, horizon) if thousandths else 0

    config = SplitConfig(validation=validation / 1000, test=test / 1000)
    found = sizes(cut_series(counted(*lengths), config, horizon))
    for (train_rows, validation_rows, test_rows), length in zip(found, lengths, strict=True):
        assert test_rows == min(steps(test, length), length)
        assert validation_rows == min(steps(validation, length), length - test_rows)
        assert train_rows == length - validation_rows - test_rows


def test_fractions_are_of_each_series_own_length():
    cuts = cut_series(counted(100, 29, 7), SplitConfig(validation=0.1, test=0.29), horizon=1)
    assert sizes(cuts) == [[61, 10, 29], [19, 2, 8], [4, 1, 2]]
    assert cuts.starts.tolist() == [0, 100, 129] and cuts.test.tolist() == [100, 129, 136]


def test_whole_numbers_count_last_rows_and_short_series_lose_train_rows_first():
    cuts = cut_series(counted(20, 10, 7, 3), SplitConfig(validation=5, test=4), horizon=6)
    assert sizes(cuts) == [[11, 5, 4], [1, 5, 4], [0, 3, 4], [0, 0, 3]]


@pytest.mark.parametrize("nothing", [0, 0.0])
def test_zero_is_no_split_however_long_the_horizon(nothing):
    panel = counted(20, 10)
    assert sizes(cut_series(panel, SplitConfig(validation=nothing, test=2), 6)) == [
        [18, 0, 2],
        [8, 0, 2],
    ]
    assert sizes(cut_series(panel, SplitConfig(validation=3, test=nothing), 6)) == [
        [17, 3, 0],
        [7, 3, 0],
    ]


def test_spans_name_the_splits_in_order():
    cuts = cut_series(counted(20), SplitConfig(validation=5, test=4), horizon=1)
    spans = [(name, begin.tolist(), end.tolist()) for name, begin, end in cuts.spans()]
    assert spans == [("train", [0], [11]), ("validation", [11], [16]), ("test", [16], [20])]


def test_no_cuts_make_every_row_a_train_row():
    assert sizes(no_cuts(counted(20, 3))) == [[20, 0, 0], [3, 0, 0]]


def weekly(folder: Path, known_ahead: int = 0) -> Panel:
    """Two series of Sundays, 20 from 2024-01-07 and 8 from 2024-03-10; the last have no target."""
    parts = []
    for name, start, count in (("a", "2024-01-07", 20), ("b", "2024-03-10", 8)):
        stamps = pd.date_range(start, periods=count, freq="W-SUN")
        y = [1.0] * (count - known_ahead) + [np.nan] * known_ahead
        parts.append(pd.DataFrame({"id": name, "t": stamps, "y": y, "f": 1.0}))
    path = folder / "weeks.csv"
    pd.concat(parts).to_csv(path, index=False)
    config = DataConfig(path=str(path), time="t", target="y", series="id", future="f")
    return read_panel(config.model_copy(update={"path": str(path)}))[0]


@pytest.mark.parametrize("validation", ["2024-01-01", "2024-02-11", "2024-03-13"])
@pytest.mark.parametrize("test", ["2024-03-24", "2024-04-17", "2024-04-29", "2025-01-01"])
def test_dates_are_the_first_day_of_a_split_for_all_series(tmp_path, validation, test):
    cuts = cut_series(weekly(tmp_path), SplitConfig(validation=validation, test=test), horizon=3)
    wanted = []
    for start, count in (("2024-01-07", 20), ("2024-03-10", 8)):
        stamps = pd.date_range(start, periods=count, freq="W-SUN")
        tested, judged = stamps >= test, stamps >= validation
        wanted.append([(~judged).sum(), (judged & ~tested).sum(), tested.sum()])
    assert sizes(cuts) == wanted


def test_a_date_goes_with_a_number_of_steps(tmp_path):
    cuts = cut_series(weekly(tmp_path), SplitConfig(validation=2, test="2024-04-14"), horizon=3)
    assert sizes(cuts) == [[12, 2, 6], [3, 2, 3]]


def test_rows_that_are_only_known_ahead_are_in_no_split(tmp_path):
    panel = weekly(tmp_path)
    config = SplitConfig(validation=0.25, test=3)
    assert sizes(cut_series(panel, config, horizon=1)) == [[12, 5, 3], [3, 2, 3]]
    ahead = weekly(tmp_path, known_ahead=4)
    assert np.diff(ahead.offsets).tolist() == [20, 8]
    cuts = cut_series(ahead, config, horizon=1)
    assert sizes(cuts) == [[9, 4, 3], [0, 1, 3]]
    assert cuts.test.tolist() == [16, 24]


def test_a_date_without_a_time_column_is_refused():
    with pytest.raises(DataError, match=r"split\.test: '2024-01-01' .*no time column"):
        cut_series(counted(20), SplitConfig(test="2024-01-01"), horizon=1)
