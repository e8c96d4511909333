"""Season, window, network and training of a proposal, each by a rule that its reason states."""

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
"""Steps: where there are enough rows, a window holds at least these."""
BUDGET = 3e12
"""Multiplications in the cells that a proposed training may take: minutes on two cores."""
LEARNING_RATE = 0.003
"""Three times the schema's: the shipped configs, one layer as here, do best with it."""
AVERAGE = 0.99
"""Share of the averaged weights that stays at each step."""
AVERAGED_FROM = 1000
"""Steps of a training from which weights are averaged: in few, the average lags behind."""
LONG = 14
"""Seasons in a window of steps shorter than a day: two weeks of days."""


def season_line(frequency: Frequency) -> Line:
    """The seasonality of a frequency, in steps; a suggestion where it has none."""
    if frequency.season == 1:
        reason = "if there is one: 12 of months, 4 of quarters"
        return Line("data.season", 12, reason, active=False)
    return Line("data.season", frequency.season, f"steps in a {_span(frequency)}")


def has_weeks(frequency: Frequency) -> bool:
    """Whether the steps are of a clock and shorter than a day: they have days, and weeks."""
    return frequency.kind == "fixed" and MINUTE <= frequency.every < DAY


def calendar_lines(frequency: Frequency) -> list[Line]:
    """The calendar, for steps below a day, whose window seldom holds the other season, the week."""
    if has_weeks(frequency):
        return [Line("data.calendar", "auto", "hour, day of the week and so on are inputs")]
    return []


def _span(frequency: Frequency) -> str:
    """What one season is called."""
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
        reason = f"as {train_rows:,} train rows allow"
    elif wanted == 3 * horizon:
        reason = "three horizons"
    elif seasons > 1:
        reason = f"{wanted // seasons} seasons"
    else:
        reason = "the least that is proposed"
    return [
        Line("window.lookback", lookback, f"steps in: {reason}"),
        Line("window.horizon", horizon, f"steps out: {why}"),
    ]


def units_for(windows: int) -> int:
    """Units of one LSTM layer: 32 below 500 train windows, 64 below 20,000, else 128."""
    return 32 if windows < 500 else 64 if windows < 20_000 else 128


def batch_for(windows: int) -> int:
    """Windows in a batch: 16 below 500 train windows, 64 below 20,000, else 128."""
    return 16 if windows < 500 else 64 if windows < 20_000 else 128


def network_lines(windows: int, season: int, lookback: int) -> list[Line]:
    """The preset, and as many units as the train windows bear; see `units_for`.

    A window of many seasons is read in segments.
    """
    units = units_for(windows)
    preset = Line("network.preset", "auto", "an LSTM, and a linear path beside it")
    if season > 1 and lookback >= LONG * season:
        reason = "an LSTM whose steps are whole seasons, and a linear path beside it"
        preset = Line("network.preset", "segments", reason)
    return [
        preset,
        Line("network.units", [units], f"one layer, for {counted(windows, 'train window')}"),
    ]


def training_lines(
    windows: int, panel: Panel, config: Config, given: Mapping[str, Any]
) -> list[Line]:
    """Batch size, and the epochs that fit in some minutes of two cores.

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
    averaged = Line("training.average", AVERAGE, "of the weights, over some hundred steps")
    lines = [
        Line("training.learning_rate", LEARNING_RATE, "falls to 0 at the end"),
        *([averaged] if min(steps, epochs * per_epoch) >= AVERAGED_FROM else []),
        Line(
            "training.batch_size", training.batch_size, f"{counted(per_epoch, 'step')} in an epoch"
        ),
        Line(
            "training.max_epochs",
            epochs,
            "at most; fewer if they no longer help",
        ),
    ]
    if per_epoch > steps:
        steps = int(float(f"{steps:.1g}"))
        lines.append(Line("training.max_steps", steps, "an epoch would take too long"))
    return lines


def forecast_lines(panel: Panel) -> list[Line]:
    """No forecast below 0 where all targets are counts: whole numbers, none below 0."""
    values = panel.targets[~np.isnan(panel.targets)]
    if (values >= 0).all() and (values == np.floor(values)).all():
        return [Line("forecast.minimum", 0, "all targets are whole numbers, none below 0")]
    return []
