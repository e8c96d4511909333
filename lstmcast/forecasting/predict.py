"""Forecasts of a model over a panel, in the units of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from lstmcast.errors import DataError
from lstmcast.forecasting.density import Density, parameters_of
from lstmcast.forecasting.intervals import Forecast, IntervalForecast
from lstmcast.forecasting.model_file.model import Model
from lstmcast.network.distributions import Distribution
from lstmcast.network.sizes import Sizes
from lstmcast.panel.panel import Panel
from lstmcast.windows.batches import WindowTable
from lstmcast.windows.scaling import Scaler

VALUES_AT_ONCE, ON_A_CPU = 8_000_000, 2_000_000
"""Outputs of a layer in one batch of forecasts.

On a CPU, batches that fit its cache and reuse the memory of the process take half as long per
window as large ones.
"""


class NetworkForecast:
    """A model over the windows of one panel; call it with origins (B,) and series (B,).

    Args:
        model: The trained network and its preprocessing.
        panel: Filled.
        scaler: For the panel's series.
        levels: Of the intervals, in percent.
        watch: Receives the number of windows forecast so far, after each batch.
    """

    def __init__(
        self,
        model: Model,
        panel: Panel,
        scaler: Scaler,
        levels: Sequence[float] = (),
        watch: Callable[[int], None] = lambda done: None,
    ) -> None:
        self.model = model
        self.levels = tuple(levels)
        self.scaler, self.watch = scaler, watch
        minimum, targets = model.config.forecast.minimum, range(model.sizes.targets)
        cut = minimum is not None and not (model.network.head.counts and minimum <= 0)
        bent = any(k in scaler.logged for k in targets)
        # Combining members, a minimum or logarithms change the distribution.
        self.keeps_density = bool(self.levels) and not (len(model.members) > 1 or cut or bent)
        device = next(model.network.parameters()).device
        self.table = WindowTable(
            panel,
            scaler,
            model.static_scaler,
            lookback=model.sizes.lookback,
            horizon=model.sizes.horizon,
            pad=model.config.window.pad,
            device=device,
        )

    @torch.inference_mode()
    def __call__(self, origins: np.ndarray, series: np.ndarray) -> IntervalForecast:
        """Forecasts in the units of the data, their intervals not yet calibrated."""
        device, targets = self.table.device, self.model.sizes.targets
        for member in self.model.members:
            member.eval()
        width = 1 + 2 * len(self.levels)
        shape = (0, self.model.sizes.horizon, targets)
        parts, said = [np.empty((width, *shape))], list[list[Tensor] | None]()
        size = windows_at_once(self.model.sizes, self.model.config.network.units, self.table.device)
        for start in range(0, len(origins), size):
            chunk = slice(start, start + size)
            batch = self.table.gather(
                torch.from_numpy(origins[chunk]).to(device),
                torch.from_numpy(series[chunk]).to(device),
            )
            forecasts = [member.predict_distribution(batch) for member in self.model.members]
            parts.append(self._quantiles(forecasts))
            said.append(parameters_of(forecasts[0]) if self.keeps_density else None)
            self.watch(min(start + size, len(origins)))
        scaled = np.concatenate(parts, axis=1)  # (1 + 2 levels, B, H, C)
        made = np.stack([self.scaler.restore(part, series) for part in scaled])
        if self.model.network.head.counts:
            made = np.rint(made)  # the scale rounds, and members are averaged
        ranged = IntervalForecast(made[0], made[1::2], made[2::2], self._density(said, series))
        return ranged.at_least(self.model.minimum)

    def _density(self, said: list[list[Tensor] | None], series: np.ndarray) -> Density | None:
        """The distributions of all batches, in units of the data."""
        known = [torch.stack(parts) for parts in said if parts is not None]
        if not known:
            return None
        parameters = torch.cat(known, dim=1).cpu().numpy().astype(np.float64)
        if not self.model.network.head.counts:
            parameters[0] = self.scaler.restore(parameters[0], series)
            parameters[1] *= self.scaler.scale[series, None, : parameters.shape[-1]]
        return Density(self.model.config.network.head, parameters)

    def _quantiles(self, forecasts: Sequence[Distribution]) -> np.ndarray:
        """(1 + 2 levels, B, H, C) scaled: the point, then lower and upper bound of each level.

        Args:
            forecasts: Of each member.
        """
        tails = [(1 - level / 100) / 2 for level in self.levels]
        made = []
        for forecast in forecasts:
            bounds = [forecast.quantile(p) for tail in tails for p in (tail, 1 - tail)]
            stacked = torch.stack([forecast.point(), *bounds])
            made.append(stacked.cpu().numpy().astype(np.float64))
        return combined(made, self.model.config.training.combine)


def combined(made: Sequence[np.ndarray], how: str) -> np.ndarray:
    """Combine the forecasts of several members element by element.

    Each quantile is the median or mean of the members' quantiles (Vincent 1912; Ratcliff 1979). So
    quantiles stay in order, and the mean of normal distributions is normal.

    Args:
        made: Of each member, in the same shape.
        how: `median` or `mean`.
    """
    if len(made) == 1:
        return made[0]
    one: np.ndarray = (np.median if how == "median" else np.mean)(made, axis=0)
    return one


def with_intervals(
    model: Model, forecasts: Mapping[str, Forecast], panel: Panel
) -> dict[str, Forecast]:
    """Forecasters over a panel with calibrated intervals; unchanged if the model has none.

    Args:
        model: The network and the calibration of all forecasters.
        forecasts: By name, uncalibrated, with intervals of the model's levels.
        panel: The panel that they forecast.
    """
    calibration = model.calibration_for(panel)
    if calibration is None:
        return dict(forecasts)

    def widened(name: str, forecast: Forecast) -> Forecast:
        whole = isinstance(forecast, NetworkForecast) and model.network.head.counts

        def widen(origins: np.ndarray, series: np.ndarray) -> IntervalForecast:
            made = calibration.widen(name, forecast(origins, series), series)
            return (made.whole() if whole else made).at_least(model.minimum)

        return widen

    return {name: widened(name, forecast) for name, forecast in forecasts.items()}


def windows_at_once(sizes: Sizes, units: Sequence[int], device: torch.device) -> int:
    """Windows in one batch of forecasts."""
    width = max(sizes.inputs, *units)
    values = ON_A_CPU if device.type == "cpu" else VALUES_AT_ONCE
    return max(1, min(4096, values // ((sizes.lookback + sizes.horizon) * width)))


def can_forecast(panel: Panel, lookback: int, pad: bool) -> np.ndarray:
    """(S,) whether a series has enough rows to forecast after its last row."""
    return panel.lengths >= (1 if pad else lookback)


def require_known_future(
    panel: Panel, origins: np.ndarray, series: np.ndarray, horizon: int
) -> None:
    """Check that the known-future columns cover the horizon of every series.

    Raises:
        DataError: They do not; names the first series and time stamp, and counts the series.
    """
    if not panel.columns.future:
        return
    known_until = panel.offsets[1:][series]
    short = np.flatnonzero(known_until < origins + horizon)
    if not len(short):
        return
    first = short[0]
    missing = panel.format_times(
        panel.ordinals(known_until[first : first + 1], series[first : first + 1])
    )
    label = panel.describe(int(series[first]))
    derived = (*panel.lags, *panel.unscaled)
    names = ", ".join(f"'{name}'" for name in panel.columns.future if name not in derived)
    raise DataError(
        f"data.future: {names} must be known for {horizon} steps after the last row with a target; "
        f"{missing[0]} is the first missing time stamp{f' of {label}' if label else ''}"
        f"{f' ({len(short)} series in all)' if len(short) > 1 else ''}. Add rows with these "
        "columns and empty targets, or name a table with them: `lstmcast predict --future`"
    )
