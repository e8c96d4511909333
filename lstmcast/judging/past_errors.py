"""Past errors of the network and the baselines per series, for the fallback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmcast.forecasting.chunks import actual_values, chunks
from lstmcast.forecasting.conformal import round_digits
from lstmcast.forecasting.fallback import Floats, SplitErrors
from lstmcast.forecasting.intervals import Forecast
from lstmcast.panel.panel import Panel
from lstmcast.parallel import ranks
from lstmcast.windows.windows import WindowIndex


def collect_errors(
    forecasts: Mapping[str, Forecast],
    panel: Panel,
    index: WindowIndex,
    until: NDArray[Any],
    sizes: Floats,
    horizon: int,
) -> SplitErrors:
    """Mean errors of forecasters per series over all windows of a split.

    Args:
        forecasts: By name, in the order of `PastErrors.forecasters`.
        panel: Filled; its missing targets are ignored.
        index: The windows.
        until: (S,) one past the last row of the split.
        sizes: (S, C) size of each series, positive.
        horizon: H.
    """
    count = panel.series_count
    totals, points = np.zeros((len(forecasts), count)), np.zeros(count)
    width = horizon * len(panel.columns.targets)
    for origins, series in chunks(index, width, ranks().share(len(index))):
        actual = actual_values(panel, origins, horizon)
        np.add.at(points, series, np.isfinite(actual).sum(axis=(1, 2)))
        for number, forecast in enumerate(forecasts.values()):
            misses = np.abs(forecast(origins, series).point - actual) / sizes[series][:, None]
            np.add.at(totals[number], series, np.nansum(misses, axis=(1, 2)))
    ranks().all_reduce_arrays([totals, points])
    places = panel.starts + until - panel.offsets[:-1]
    return SplitErrors(
        places, points.astype(np.int64), round_digits(totals / np.maximum(points, 1))
    )
