"""The index of windows (lookback and horizon) against an enumeration of every one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmcast.config import DataConfig, SplitConfig
from lstmcast.errors import DataError
from lstmcast.panel.build import build_panel
from lstmcast.panel.splits import Cuts, cut_series
from lstmcast.tables.read import Table
from lstmcast.windows.windows import (
    SplitWindows,
    WindowIndex,
    index_windows,
    require_train_windows,
    split_windows,
)

Windows = list[tuple[int, int]]  # series and origin of each


@st.composite
def cuts(draw: st.DrawFn) -> Cuts:
    """Up to four series of up to 14 rows, perhaps with rows after their history, cut anywhere."""
    columns = []
    row = 0
    for _ in range(draw(st.integers(1, 4))):
        length = draw(st.integers(1, 14))
        train, validation = sorted(draw(st.tuples(*[st.integers(0, length)] * 2)))
        columns.append((row, row + train, row + validation, row + length))
        row += length + draw(st.integers(0, 2))
    return Cuts(*(np.array(column) for column in zip(*columns, strict=True)))


SHAPES = st.fixed_dictionaries(
    {"lookback": st.integers(1, 5), "horizon": st.integers(0, 4), "pad": st.booleans()}
)


def enumerated(cuts: Cuts, begins: np.ndarray, ends: np.ndarray, shape: dict[str, int]) -> Windows:
    """Windows of which all targets (or, without any, the last input) lie in `begins:ends`."""
    found = []
    for s, start in enumerate(cuts.starts):
        for origin in range(start, cuts.test[s] + 1):
            if cuts.train[s] == start:
                continue  # nothing to scale the series by
            inputs = range(origin - shape["lookback"], origin)
            known = [row for row in inputs if row >= start]
            if not known or (len(known) < len(inputs) and not shape["pad"]):
                continue
            judged = range(origin, origin + shape["horizon"]) or inputs[-1:]
            if all(begins[s] <= row < ends[s] for row in judged):
                found.append((s, origin))
    return found


def listed(index: WindowIndex) -> Windows:
    origins, series = index.all()
    return list(zip(series.tolist(), origins.tolist(), strict=True))


def usable_rows(cuts: Cuts, draw: st.DataObject) -> np.ndarray | None:
    rows = int(cuts.test[-1]) + 1
    flags = st.lists(st.booleans(), min_size=rows, max_size=rows)
    chosen = draw.draw(st.one_of(st.none(), flags))
    return None if chosen is None else np.array(chosen)


def thinned(windows: Windows, stride: int) -> Windows:
    """Every `stride`-th window of those that follow each other row by row."""
    kept, place = [], 0
    for k, (series, origin) in enumerate(windows):
        place = place + 1 if k and windows[k - 1] == (series, origin - 1) else 0
        if place % stride == 0:
            kept.append((series, origin))
    return kept


@settings(max_examples=200, deadline=None)
@given(cuts(), SHAPES, st.integers(1, 4), st.data())
def test_windows_of_every_split_are_those_that_an_enumeration_finds(cuts, shape, stride, draw):
    usable = usable_rows(cuts, draw)

    def wanted(begins: np.ndarray, ends: np.ndarray) -> Windows:
        found = enumerated(cuts, begins, ends, shape)
        return [window for window in found if usable is None or usable[window[1]]]

    windows = split_windows(cuts, **shape, stride=stride, usable=usable)
    parts = {name: wanted(begins, ends) for name, begins, ends in cuts.spans()}
    assert listed(windows.train) == thinned(parts["train"], stride)
    assert listed(windows.validation) == parts["validation"]
    assert listed(windows.test) == parts["test"]
    whole = wanted(cuts.starts, cuts.test)
    assert windows.crossing == len(set(whole) - set().union(*parts.values()))
    for name, index in windows.by_name().items():
        assert len(index) == len(parts[name] if name != "train" else thinned(parts[name], stride))


@settings(max_examples=60, deadline=None)
@given(cuts(), SHAPES, st.integers(1, 3), st.data())
def test_merged_holds_every_window_once_in_order_with_its_split(cuts, shape, stride, draw):
    windows = split_windows(cuts, **shape, stride=stride, usable=usable_rows(cuts, draw))
    merged, splits = windows.merged()
    found = listed(merged)
    assert found == sorted(found)
    numbers = splits[merged.runs_of(np.arange(len(merged)))]
    for number, index in enumerate(windows.by_name().values()):
        own = [window for window, split in zip(found, numbers, strict=True) if split == number]
        assert own == listed(index)


@settings(max_examples=60, deadline=None)
@given(cuts(), SHAPES, st.integers(1, 3), st.integers(1, 5), st.data())
def test_windows_are_located_by_number_in_any_order(cuts, shape, stride, steps, draw):
    index = split_windows(cuts, **shape, stride=stride, usable=usable_rows(cuts, draw)).train
    found = listed(index)
    order = np.random.default_rng(0).permutation(len(index))
    origins, series = index.locate(order)
    assert [(s, o) for s, o in zip(series, origins, strict=True)] == [found[k] for k in order]
    by_run = [
        [found[k] for k in np.flatnonzero(index.runs_of(np.arange(len(found))) == run)]
        for run in range(len(index.series))
    ]
    assert listed(index.every(steps)) == [window for run in by_run for window in run[::steps]]


def one_series(rows: int) -> dict[str, np.ndarray]:
    return {"starts": np.array([0]), "begins": np.array([0]), "ends": np.array([rows])}


@pytest.mark.parametrize(
    ("horizon", "pad", "count"), [(0, False, 995), (0, True, 1000), (1, False, 994), (1, True, 999)]
)
def test_thousand_rows_give_the_number_of_windows_of_the_worked_example(horizon, pad, count):
    index = index_windows(**one_series(1000), lookback=6, horizon=horizon, pad=pad)
    assert len(index) == count
    origins, _ = index.all()
    assert origins.tolist() == list(range(1 if pad else 6, 1001 - horizon))


def test_targets_stay_in_one_split_while_inputs_reach_back():
    cuts = Cuts(*(np.array([row]) for row in (0, 60, 80, 100)))
    windows = split_windows(cuts, lookback=10, horizon=4)
    assert listed(windows.train) == [(0, o) for o in range(10, 57)]
    assert listed(windows.validation) == [(0, o) for o in range(60, 77)]  # inputs from row 50
    assert listed(windows.test) == [(0, o) for o in range(80, 97)]
    assert windows.crossing == 6  # three origins before each of two cuts


def test_stride_thins_training_windows_alone():
    cuts = Cuts(*(np.array([row]) for row in (0, 60, 80, 100)))
    thin, full = (split_windows(cuts, lookback=10, horizon=4, stride=k) for k in (5, 1))
    assert listed(thin.train) == listed(full.train)[::5]
    assert (len(thin.validation), len(thin.test), thin.crossing) == (17, 17, full.crossing)


def test_a_series_without_train_rows_has_no_window_in_any_split():
    cuts = Cuts(*(np.array(rows) for rows in ([0, 50], [30, 50], [40, 70], [50, 90])))
    windows = split_windows(cuts, lookback=3, horizon=1)
    for index in windows.by_name().values():
        assert Counter(series for series, _ in listed(index)).keys() == {0}
    assert windows.crossing == 0


def test_runs_end_with_their_series_even_where_origins_follow_each_other():
    starts, ends = np.array([0, 4]), np.array([4, 7])
    usable = np.ones(8, dtype=bool)
    index = index_windows(starts, starts, ends, lookback=2, horizon=0, pad=True, usable=usable)
    assert listed(index) == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (1, 6), (1, 7)]


def test_the_index_does_not_grow_with_the_rows():
    index = index_windows(**one_series(10**9), lookback=100, horizon=10)
    assert len(index) == 10**9 - 109 and len(index.first) == 1
    assert [part.tolist() for part in index.locate(np.array([0, 10**9 - 110]))] == [
        [100, 10**9 - 10],
        [0, 0],
    ]


def refusal(lengths: dict[str, int], lookback: int, horizon: int, pad: bool = False) -> str:
    """The message about a table of these series, of which a fifth and ten rows are kept back."""
    frame = pd.DataFrame({"id": np.repeat([*lengths], [*lengths.values()]), "y": 1.0})
    panel = build_panel(Table("table", frame, ""), DataConfig(path="-", target="y", series="id"))
    cuts = cut_series(panel, SplitConfig(validation=10, test=0.2), horizon)
    windows: SplitWindows = split_windows(cuts, lookback=lookback, horizon=horizon, pad=pad)
    try:
        require_train_windows(panel, cuts, windows, lookback, horizon, pad)
    except DataError as error:
        return str(error)
    return ""


def test_no_training_window_is_refused_with_the_numbers():
    words = refusal({"east": 30, "west": 50}, lookback=24, horizon=7)
    for fact in ("31 train rows", "lookback 24 + horizon 7", "west", "30 of its 50 rows"):
        assert fact in words
    assert refusal({"east": 30, "west": 50}, lookback=24, horizon=6) == ""
    padded = refusal({"east": 20}, lookback=24, horizon=6, pad=True)
    assert "7 train rows" in padded and "4 of its 20 rows" in padded
