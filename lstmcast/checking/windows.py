"""Findings about windows: series too short, future covariates that end too early."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lstmcast.checking.finding import Finding, found
from lstmcast.checking.lenient_table import View
from lstmcast.config import WindowConfig
from lstmcast.panel.panel import Panel
from lstmcast.tables.read import Table


def find_short_series(view: View, window: WindowConfig) -> Iterator[Finding]:
    """Series with fewer steps than a window has."""
    if not len(view.ordinals):
        return
    codes = view.codes[view.rows]
    heads = np.flatnonzero(np.diff(codes, prepend=-1))
    tails = np.append(heads[1:], len(codes)) - 1
    # A row whose lags are before the first row of its series is left out.
    lengths = view.ordinals[tails] - view.ordinals[heads] + 1 - max(view.data.lags, default=0)
    need = (1 if window.pad else window.lookback) + window.horizon
    short = np.flatnonzero(lengths < need)
    if not len(short):
        return
    few = int((lengths < (1 if window.pad else window.lookback)).sum())
    names = [view.names[codes[heads[k]]] for k in short[:3]]
    said = f": {', '.join(names)}{', ...' if len(short) > 3 else ''}" if view.data.series else ""
    every = len(short) == len(heads)
    fate = (
        "no network can be trained"
        if every
        else "the network is not trained on them, and "
        + (
            f"a baseline forecasts {few:,} of them"
            if few
            else "forecasts them from a lookback alone"
        )
    )
    words = (
        f"{len(short):,} of {len(heads):,} series have fewer than {need} steps (lookback "
        f"{window.lookback} + horizon {window.horizon}){said}; {fate}"
    )
    yield found("LC301", words, "", view.rows[heads[short]], "error" if every else "")


def find_unknown_future(panel: Panel, table: Table, horizon: int) -> Iterator[Finding]:
    """Series whose future covariates end before the horizon."""
    derived = (*panel.lags, *panel.unscaled)
    own = [name for name in panel.columns.future if name not in derived]
    if not own:
        return
    known = panel.offsets[1:] - panel.ends
    short = np.flatnonzero(known < horizon)
    if len(short):
        last = panel.source_rows[panel.offsets[1:][short] - 1]
        words = (
            f"known for {int(known[short].min())} of {horizon} steps after the last row with a "
            f"target in {len(short):,} of {panel.series_count:,} series"
        )
        yield found("LC303", words, ", ".join(own), last[last >= 0])
