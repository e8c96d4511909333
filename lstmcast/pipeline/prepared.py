"""A table prepared for windows, on which all later steps work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lstmcast.config import Config
from lstmcast.errors import counted
from lstmcast.panel.categories import Vocabulary
from lstmcast.panel.gaps import fill_gaps
from lstmcast.panel.panel import Panel
from lstmcast.panel.splits import Cuts, no_cuts
from lstmcast.panel.vectors import Vectors
from lstmcast.tables.read import Table
from lstmcast.windows.scaling import Scaler, fit_scaler
from lstmcast.windows.windows import SplitWindows

MANY_SCORED, ENOUGH_SCORED = 2_000_000, 200_000
"""Number of validation and test windows from which a note follows, and the number it advises."""


@dataclass(frozen=True)
class Prepared:
    """A table prepared for windows.

    Attributes:
        config: With the detected layout.
        table: As read, without cells.
        panel: Without gaps.
        cuts: The ends of the splits.
        scaler: Fitted on train rows.
        static_scaler: For static columns; None without them.
        windows: The index of each split.
        unfilled: The panel as read: with gaps as NaN, and all its categories.
        vocabulary: The categories of the train rows.
        vectors: Given vectors of the categories, by column.
        cells: The table with its cells, for checks; None if there are too many.
    """

    config: Config
    table: Table
    panel: Panel
    cuts: Cuts
    scaler: Scaler
    static_scaler: Scaler | None
    windows: SplitWindows
    unfilled: Panel
    vocabulary: Vocabulary
    vectors: Mapping[str, Vectors]
    cells: Table | None = None

    def filled_to_the_end(self) -> Panel:
        """The panel for a forecast after its last row: splits do not limit the imputation."""
        panel = self.vocabulary.recode(self.unfilled)
        return fill_gaps(panel, self.config.data.gaps, no_cuts(panel), self.table)

    @property
    def linear_scaler(self) -> Scaler:
        """The scaler without logarithms, for the linear baselines."""
        if not self.scaler.logged:
            return self.scaler
        scale, panel = self.config.scale, self.panel
        starts, ends = self.cuts.starts, self.cuts.train
        return fit_scaler(scale.method, scale.per, panel.values, panel.observed, starts, ends)

    @property
    def notes(self) -> list[str]:
        """Notes on the table for the user, a sentence each."""
        return notes_about(self)

    @property
    def first(self) -> str:
        """Earliest time stamp of all series, in the format of the table."""
        return self.panel.format_times(self.panel.starts.min(keepdims=True))[0]

    @property
    def last(self) -> str:
        """Latest time stamp of the history of all series, in the format of the table."""
        lasts = self.panel.starts + self.panel.lengths - 1
        return self.panel.format_times(lasts.max(keepdims=True))[0]


def unknown_notes(vocabulary: Vocabulary, panel: Panel) -> list[str]:
    """A sentence for each column with categories that training has not seen."""
    return [
        f"{counted(new, 'category' if new == 1 else 'categories')} of '{name}' "
        f"{'is' if new == 1 else 'are'} not in the train rows; treated as unknown."
        for name, new in vocabulary.unknown_in(panel).items()
    ]


def notes_about(prepared: Prepared) -> list[str]:
    """Notes on the table for the user, a sentence each."""
    panel, window = prepared.panel, prepared.config.window
    notes = []
    missing = missing_values(prepared)
    if panel.begins_late:
        notes.append(
            f"{counted(panel.begins_late, 'row')} left out at the start of series: "
            f"'{panel.latest_column}' or another column has no value yet."
        )
    if missing:
        notes.append(
            f"{counted(missing, 'missing value')} filled (data.gaps: {prepared.config.data.gaps})."
        )
    notes += unknown_notes(prepared.vocabulary, prepared.unfilled)
    if formula := next((word for name in panel.names for word in name if is_formula(word)), None):
        notes.append(
            f"A series is named '{formula}', which a spreadsheet reads as a formula; forecasts "
            "repeat the name unchanged."
        )
    if panel.left_out:
        shown = ", ".join(" ".join(name) for name in panel.left_out[:3])
        notes.append(
            f"{len(panel.left_out):,} series have no complete row and are left out: {shown}."
        )
    unseen = np.flatnonzero(prepared.cuts.train <= prepared.cuts.starts)
    if len(unseen) and panel.series_columns:
        shown = ", ".join(panel.describe(int(k)) for k in unseen[:3])
        notes.append(
            f"{counted(len(unseen), 'series')} without a train row, excluded from training and "
            f"scores: {shown}{', ...' if len(unseen) > 3 else ''}."
        )
    scored = len(prepared.windows.validation) + len(prepared.windows.test)
    if scored > MANY_SCORED:
        notes.append(
            f"{scored:,} validation and test windows take long; window.judge_stride: "
            f"{-(-scored // ENOUGH_SCORED):,} reduces them to about {ENOUGH_SCORED:,}."
        )
    short = int((panel.lengths < (1 if window.pad else window.lookback)).sum())
    if 0 < short < panel.series_count:
        notes.append(
            f"{short:,} of {panel.series_count:,} series are shorter than the lookback of "
            f"{window.lookback} steps; a baseline forecasts them (or set window.pad: true)."
        )
    return notes


def missing_values(prepared: Prepared) -> int:
    """Number of missing values in the history that were filled."""
    panel = prepared.panel
    if panel.store is not None:
        return panel.filled
    return int((~prepared.unfilled.observed & ~np.isnan(panel.values)).sum())


def is_formula(word: str) -> bool:
    """Whether a spreadsheet would evaluate a cell with this text as a formula."""
    if not word.startswith(("=", "@", "+", "-", "\t")):
        return False
    try:
        float(word)
    except ValueError:
        return True
    return False
