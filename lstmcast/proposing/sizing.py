"""Season, window, network and training of a proposal, each by a rule stated in its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmcast.config import Config, TrainingConfig
from lstmcast.errors import counted
from lstmcast.network.sizes import segment_length
from lstmcast.panel.panel import Panel
from lstmcast.panel.splits import cut_series
from lstmcast.proposing.proposal import Line
from lstmcast.stamps.infer_frequency import DAY, MINUTE, SECOND, Frequency

LONGEST_HORIZON = 96
"""Steps: a season longer than this is not proposed as a horizon."""
SHORTEST_LOOKBACK = 24
"""Steps: the smallest lookback if there are enough rows."""
BUDGET = 3e12
"""Most multiplications in the cells of a proposed training: minutes on two cores."""
LEARNING_RATE = 0.003
"""Three times the schema's default: the best for the shipped configs with one layer."""
AVERAGE = 0.99
"""Decay of the exponential moving average (EMA) of the weights."""
AVERAGED_FROM = 1000
"""Fewest training steps for which weights are averaged: in fewer, the average lags."""
LONG = 14
"""Seasons in a window if steps are shorter than a day: two weeks."""


def season_line(frequency: Frequency) -> Line:
    """The seasonality of a frequency, in steps; a suggestion if it has none."""
    if frequency.season == 1:
        reason = "if there is one: 12 for months, 4 for quarters"
        return Line("data.season", 12, reason, active=False)
    return Line("data.season", frequency.season, f"steps in a {_span(frequency)}")


def has_weeks(frequency: Frequency) -> bool:
    """Whether steps are shorter than a day: then there are daily and weekly seasons."""
    return frequency.kind == "fixed" and MINUTE <= frequency.every < DAY


def calendar_lines(frequency: Frequency) -> list[Line]:
    """The calendar features for steps shorter than a day, whose window rarely spans weeks."""
    if has_weeks(frequency):
        return [Line("data.calendar", "auto", "hour, day of the week and similar are inputs")]
    return []


def _span(frequency: Frequency) -> str:
    """The name of one season."""
    if frequency.kind == "month":
        return "year"
    if frequency.kind == "business":
        return "week"
    spans = {SECOND: "second", MINUTE: "minute", DAY: "day", 7 * DAY: "week"}
    return spans.get(frequency.season * frequency.every, "year")


def window_lines(panel: Panel, config: Config, given: Mapping[str, Any]) -> list[Line]:
    """Lookback and horizon from the season and the length of the median series.

    The horizon is one season, where that is 2 to 96 steps; of a longer season a 24th, at least 12
    steps; without a season 12 steps; but at most a tenth of the series. The lookback is two
    seasons, three horizons or 24 steps, whichever is longest, in whole seasons; but at most half of
    what training leaves beside one horizon, so that there are as many windows as steps in one.
    Steps shorter than a day have a week, too, beside their season: the lookback is 14 seasons,
    where training has ten times as many rows.
    """
    season, length = panel.frequency.season, int(np.median(panel.lengths))
    if season > LONGEST_HORIZON:
        horizon, why = max(12, season // 24), f"of the {season:,} steps in a season"
    elif season > 1:
        horizon, why = season, f"one season, a {_span(panel.frequency)}"
    else:
        horizon, why = 12, "steps ahead"
    if horizon > length // 10:
        horizon, why = max(1, length // 10), f"a tenth of the {length:,} rows"
    horizon = int(given.get("horizon", horizon))
    cuts = cut_series(panel, config.split, horizon)
    train_rows = int(np.median(cuts.train - cuts.starts))
    seasons = season if 1 < season <= LONGEST_HORIZON else 1
    wanted = max(2 * seasons, 3 * horizon, SHORTEST_LOOKBACK)
    wanted = -(-wanted // seasons) * seasons
    long = LONG * seasons
    if has_weeks(panel.frequency) and train_rows >= 10 * long and long >= wanted:
        wanted = long
    lookback = max(1, min(wanted, (train_rows - horizon) // 2))
    if lookback < wanted:
        reason = f"as {train_rows:,} training rows allow"
    elif wanted == 3 * horizon:
        reason = "three horizons"
    elif seasons > 1:
        reason = f"{wanted // seasons} seasons"
    else:
        reason = "the smallest proposed"
    return [
        Line("window.lookback", lookback, f"steps of input: {reason}"),
        Line("window.horizon", horizon, f"steps to forecast: {why}"),
    ]


def units_for(windows: int) -> int:
    """Units of one LSTM layer: 32 below 500 train windows, 64 below 20,000, else 128."""
    return 32 if windows < 500 else 64 if windows < 20_000 else 128


def batch_for(windows: int) -> int:
    """Windows in a batch: 16 below 500 train windows, 64 below 20,000, else 128."""
    return 16 if windows < 500 else 64 if windows < 20_000 else 128


def network_lines(windows: int, season: int, lookback: int) -> list[Line]:
    """The preset, and the units that the training windows allow; see `units_for`.

    A window of many seasons is read in segments.
    """
    units = units_for(windows)
    preset = Line("network.preset", "auto", "an LSTM plus a linear map of the window")
    if season > 1 and lookback >= LONG * season:
        reason = "an LSTM over whole seasons plus a linear map of the window"
        preset = Line("network.preset", "segments", reason)
    return [
        preset,
        Line("network.units", [units], f"one layer, for {counted(windows, 'training window')}"),
    ]


def training_lines(
    windows: int, panel: Panel, config: Config, given: Mapping[str, Any]
) -> list[Line]:
    """Batch size, and the epochs that fit into some minutes on two cores.

    A step costs about 6 B T 4 U (U + F) multiplications, twice as many backward as forward; with
    segments of s steps T / s in place of T, and with independent channels C times as many. Epochs
    are as many as `BUDGET` pays for, between 1 and 100. Where one epoch is too long, `max_steps`
    ends training within it.
    """
    training = TrainingConfig(batch_size=int(given.get("batch_size", batch_for(windows))))
    network, lookback = config.network, config.window.lookback
    inputs, targets = len(panel.columns.inputs), len(panel.columns.targets)
    units = max(network.units)
    rows = training.batch_size * (targets if network.channels == "independent" else 1)
    steps_in = lookback // segment_length(network.segment, lookback, panel.frequency.season)
    step = 24 * rows * steps_in * units * (units + inputs)
    steps = max(200, int(BUDGET / step))
    per_epoch = max(1, -(-windows // training.batch_size))
    epochs = int(np.clip(steps // per_epoch, 1, 100))
    averaged = Line("training.average", AVERAGE, "moving average (EMA) of the weights")
    lines = [
        Line("training.learning_rate", LEARNING_RATE, "falls to 0 at the end"),
        *([averaged] if min(steps, epochs * per_epoch) >= AVERAGED_FROM else []),
        Line("training.batch_size", training.batch_size, f"{counted(per_epoch, 'step')} per epoch"),
        Line(
            "training.max_epochs",
            epochs,
            "at most; early stopping can end it sooner",
        ),
    ]
    if per_epoch > steps:
        steps = int(float(f"{steps:.1g}"))
        lines.append(Line("training.max_steps", steps, "a whole epoch would take too long"))
    return lines


def forecast_lines(panel: Panel) -> list[Line]:
    """No forecast below 0 if all targets are counts: whole numbers, none below 0."""
    values = panel.targets[~np.isnan(panel.targets)]
    if (values >= 0).all() and (values == np.floor(values)).all():
        return [Line("forecast.minimum", 0, "all targets are whole numbers, none below 0")]
    return []
