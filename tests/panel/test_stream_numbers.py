"""What is reckoned over rows too many to hold: orders, scales, error_scales, and their memory."""

import tracemalloc

import numpy as np
import pytest
from support.daily import daily_text

from lstmcast.config import build_config
from lstmcast.forecasting import conformal
from lstmcast.forecasting.forecasters import fit_linear_map
from lstmcast.judging import error_scales
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.windows.batches import Batches, WindowTable
from lstmcast.windows.order import Order, Pools, pools_of
from lstmcast.windows.scaling import fit_scaler
from lstmcast.windows.windows import WindowIndex

BLOCK = 4096


def shuffled(count, pool, seed, epoch):
    return Order(one_run(count), seed, epoch, "windows", Pools(BLOCK, pool)).places()


@pytest.mark.parametrize("count", [10 * BLOCK + 1, 21 * BLOCK, 37 * BLOCK - 1])
def test_pools_visit_every_window_once_and_can_be_entered_anywhere(count):
    places = shuffled(count, 8 * BLOCK, seed=3, epoch=2)
    windows = np.concatenate(
        [places(first, min(first + 9999, count)) for first in range(0, count, 9999)]
    )
    assert np.array_equal(np.sort(windows), np.arange(count))
    again = shuffled(count, 8 * BLOCK, seed=3, epoch=2)
    assert np.array_equal(again(777, 39_001), windows[777:39_001])
    assert np.array_equal(again(count - 5, count), windows[-5:]) and len(again(9, 9)) == 0
    for seed, epoch in ((3, 3), (4, 2)):
        other = shuffled(count, 8 * BLOCK, seed, epoch)(0, count)
        assert np.mean(other == windows) < 0.01


def test_pool_reaches_over_a_bounded_part_of_the_table():
    count, pool = 64 * BLOCK, 8 * BLOCK
    places = shuffled(count, pool, seed=0, epoch=1)
    reached = [np.unique(places(begin, begin + pool) // BLOCK) for begin in range(0, count, pool)]
    assert [len(blocks) for blocks in reached] == [8] * 8
    batch = places(0, 64) // BLOCK  # which has windows of nearly all of these blocks
    assert len(np.unique(batch)) >= 6


@pytest.mark.parametrize("row_bytes", [24, 4000, 1 << 20])
@pytest.mark.parametrize("stride", [1, 50])
def test_a_pool_is_bounded_by_the_bytes_of_its_rows_and_of_whole_blocks(row_bytes, stride):
    pools, apart = pools_of(row_bytes, stride, span=120), row_bytes * stride
    assert pools.pool % pools.block == 0
    # Few rows are read for two blocks; a block lies over little of the table.
    assert pools.block * apart <= 1 << 16 or pools.block <= 4 * 120 // stride
    assert 4 * 120 // stride <= pools.block or pools.block * apart > (1 << 16) - apart
    few, many = (1 << 16) - pools.block, 1 << 22
    assert few < pools.pool <= many
    assert pools.pool * apart <= 1 << 30 or pools.pool <= 1 << 16


def one_run(count):
    return WindowIndex(*(np.array([value]) for value in (0, 10, count, 1)))


def test_few_windows_keep_the_order_that_they_had():
    index = one_run(500)
    expected = np.random.Generator(np.random.Philox(key=[7, 3])).permutation(500)
    found = Order(index, 7, 3, "windows", Pools(10, 500)).places()
    assert np.array_equal(found(0, 500), expected)


def test_series_are_drawn_alike_whatever_their_length():
    index = WindowIndex(
        np.arange(3), np.array([0, 20, 200]), np.array([10, 100, 5000]), np.ones(3, dtype=np.int64)
    )
    places = Order(index, 0, 1, "series", Pools(10, 100)).places()
    windows = np.concatenate([places(0, 3000), places(3000, 5110)])
    series = index.locate(windows)[1]
    assert np.abs(np.bincount(series) / len(series) - 1 / 3).max() < 0.03
    assert len(np.unique(windows[series == 0])) == 10
    assert np.array_equal(places(1000, 1100), windows[1000:1100])


def test_training_goes_on_within_an_epoch_of_pools(monkeypatch, tmp_path):
    monkeypatch.setattr("lstmcast.windows.batches.pools_of", lambda *_: Pools(16, 64))
    prepared = prepare(daily_config(tmp_path, 300), ProgressListener())
    table = WindowTable(
        prepared.panel, prepared.scaler, None, lookback=7, horizon=2, pad=False, device="cpu"
    )
    batches = Batches(table, prepared.windows.train, 10, seed=1)
    whole, rest = list(batches.epoch(2)), list(batches.epoch(2, skip=5))
    assert sum(map(len, whole)) == len(prepared.windows.train)
    for one, two in zip(whole[5:], rest, strict=True):
        assert one.inputs.equal(two.inputs)


def daily_config(tmp_path, rows, storage="memory"):
    path = tmp_path / f"daily-{rows}.csv"
    path.write_text(daily_text(rows, start="1700-01-01" if rows > 30_000 else "2000-01-01"))
    data = {"path": str(path), "time": "date", "target": "sales", "storage": storage}
    data["tables"] = str(tmp_path / "tables")
    return build_config(
        {"data": data, "window": {"lookback": 7, "horizon": 2}, "split": {"test": 30}},
        source="test",
    )


@pytest.fixture
def small_blocks(limits):
    """Hold few rows at a time."""
    limits(ROWS_AT_ONCE=100, BYTES_AT_ONCE=1 << 10)


@pytest.mark.parametrize("per", ["series", "all"])
def test_quartiles_of_many_values_are_of_a_sample_that_no_storage_changes(per, limits, tmp_path):
    rng = np.random.default_rng(0)
    values, observed = rng.normal(50, 3, (90_000, 1)), rng.random((90_000, 1)) > 0.1
    values.tofile(tmp_path / "values")
    stored = np.memmap(tmp_path / "values", dtype=np.float64, shape=values.shape)
    starts, ends = np.array([0, 60_000]), np.array([60_000, 90_000])
    found = []
    for held, at_once in ((values, 20_000), (stored, 777)):
        limits(ROWS_AT_ONCE=at_once, QUANTILE_SAMPLE=10_000)
        scaler = fit_scaler("robust", per, held, observed, starts, ends)
        found.append((scaler.center, scaler.scale))
    assert np.array_equal(*found)
    center, scale = found[0]
    assert np.abs(center - 50).max() < 5 * 0.0125 * 3  # five standard errors of the median
    assert np.abs(scale / (2 * 0.6745 * 3) - 1).max() < 0.08


@pytest.mark.parametrize("method", ["standard", "minmax", "robust"])
@pytest.mark.parametrize("per", ["series", "all"])
def test_scaler_of_blocks_is_that_of_numpy(method, per, small_blocks):
    rng = np.random.default_rng(1)
    lengths = np.array([30, 950, 40, 0, 333])
    ends = np.cumsum(lengths)
    values, observed = rng.normal(5, 3, (ends[-1], 2)), rng.random((ends[-1], 2)) > 0.1
    scaler = fit_scaler(method, per, values, observed, ends - lengths, ends, logged=())
    for series in range(5):
        rows = slice(ends[series] - lengths[series], ends[series])
        rows = slice(None) if per == "all" else rows
        for column in range(2):
            known = values[rows, column][observed[rows, column]]
            if not len(known):
                expected = 0.0, 1.0
            elif method == "standard":
                expected = known.mean(), known.std()
            elif method == "minmax":
                expected = known.min(), np.ptp(known)
            else:
                low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
                expected = middle, high - low
            found = scaler.center[series, column], scaler.scale[series, column]
            np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("season", [1, 7, 150])
def test_error_scales_of_blocks_are_those_of_all_rows(season, request):
    rng = np.random.default_rng(2)
    offsets = np.array([0, 40, 900, 1000])
    values, observed = rng.normal(0, 1, (1000, 2)), rng.random((1000, 2)) > 0.1
    ends = np.array([35, 880, 990])
    whole = error_scales.error_scales(values, observed, offsets, ends, season)
    changes = conformal.mean_changes(values, observed, offsets[:-1], ends)
    request.getfixturevalue("small_blocks")
    parts = error_scales.error_scales(values, observed, offsets, ends, season)
    for name in ("seasonal_mae", "seasonal_mse", "mean", "deviation"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12)
    again = conformal.mean_changes(values, observed, offsets[:-1], ends)
    np.testing.assert_allclose(again, changes, rtol=1e-9)


def test_nothing_that_is_held_grows_with_the_rows(small_blocks, limits, tmp_path):
    limits(LOCATED_AT_ONCE=100, FORECAST_AT_ONCE=1000)
    peaks = []
    for rows in (10_000, 40_000):
        config = daily_config(tmp_path, rows, "disk")
        prepare(config, ProgressListener())  # streams, which holds pieces of the text
        tracemalloc.start()
        prepared = prepare(config, ProgressListener())
        table = WindowTable(
            prepared.panel, prepared.scaler, None, lookback=7, horizon=2, pad=False, device="cpu"
        )
        places = Order(prepared.windows.train, 0, 1, "windows", Pools(99, 990)).places()
        Batches(table, prepared.windows.train, 10)
        places(5000, 5100)
        panel, cuts = prepared.panel, prepared.cuts
        error_scales.error_scales(
            panel.targets, panel.targets_observed, panel.offsets, cuts.train, season=7
        )
        conformal.mean_changes(panel.targets, panel.targets_observed, cuts.starts, cuts.train)
        fit_linear_map(panel, prepared.windows, prepared.scaler, 7, 2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The table of the second has 30,000 rows more: not a byte for each of them may be held.
    assert peaks[1] - peaks[0] < 30_000, peaks
