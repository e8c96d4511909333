"""What `check` looks for: every code with its severity, its meaning and what to do."""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ("error", "warning", "note")
"""An error stops training or spoils its score; a warning may; a note is good to know."""


@dataclass(frozen=True)
class Code:
    """One kind of finding.

    Attributes:
        severity: Usual severity, one of SEVERITIES; what a config says may change it.
        title: In a few words.
        meaning: What was seen and why it matters, for the reference.
        advice: What to do, in one line.
        mended: Whether `--fix` mends it.
    """

    severity: str
    title: str
    meaning: str
    advice: str
    mended: bool = False


CODES: dict[str, Code] = {
    "LC001": Code(
        "error",
        "config fault",
        "The config cannot be used: an unknown key, a value out of range, a column with two roles.",
        "Correct the field; docs/config.md has every field and its default.",
    ),
    "LC100": Code(
        "error",
        "cannot be read further",
        "A step of the way from the table to its windows stops here; what comes behind it was not "
        "checked. It is a note where other errors explain it.",
        "Mend this and the errors above, then check again.",
    ),
    "LC101": Code(
        "error",
        "stamps that cannot be read",
        "Cells of the time column that are no stamps, or no real dates such as 2024-02-30.",
        "Correct these cells, or name their form in data.time_format.",
    ),
    "LC102": Code(
        "error",
        "stamps in several forms",
        "Most stamps are written in one form, these in another that can be read without doubt.",
        "Write all stamps in one form; --fix writes YYYY-MM-DD.",
        mended=True,
    ),
    "LC103": Code(
        "error",
        "stamps that occur twice",
        "Rows of one series have the same stamp and different values; the table does not say which "
        "holds.",
        "Remove one of each, or set data.duplicates to first, last or mean.",
    ),
    "LC104": Code(
        "error",
        "rows that occur twice",
        "Rows that repeat an earlier row in every cell.",
        "Remove the repeats; --fix does.",
        mended=True,
    ),
    "LC105": Code(
        "warning",
        "missing steps",
        "Steps between a series' first and last row have no row. They are filled as data.gaps "
        "says, and never scored.",
        "Add the rows, or choose how to fill them with data.gaps.",
    ),
    "LC106": Code(
        "note",
        "missing values",
        "Empty cells in rows of history. They are filled as data.gaps says, and never scored.",
        "Choose how to fill them with data.gaps: forward, interpolate, zero, mask.",
    ),
    "LC107": Code(
        "warning",
        "days of 23 or 25 hours",
        "At a change of the clock an hour is missing in spring or occurs twice in autumn: stamps "
        "are wall time. Repeated hours stop the reading (an error) unless data.duplicates is set.",
        "Write stamps in UTC or with their offset, or set data.duplicates: mean.",
    ),
    "LC108": Code(
        "error",
        "stamps off the grid",
        "Stamps that are no whole number of steps away from the others.",
        "Correct them, resample the table, or set data.frequency.",
    ),
    "LC109": Code(
        "warning",
        "series of different frequency",
        "Some series have a step unlike that of most: on one grid they consist of gaps.",
        "Forecast them apart, or bring all series to one frequency.",
    ),
    "LC110": Code(
        "note",
        "unsorted rows",
        "Rows are not in order of time within their series; lstmcast sorts them when it reads.",
        "Nothing needs to be done; --fix writes them in order.",
        mended=True,
    ),
    "LC111": Code(
        "error",
        "stamps with two readings",
        "03/04/2024 may be in March or in April, and no row decides.",
        "Set data.time_format to day_first or month_first.",
    ),
    "LC112": Code(
        "error",
        "series are not told apart",
        "Stamps repeat, but are unique within each value of a column that the config does not "
        "name in data.series. The rest is checked as if it did.",
        "Name the column in data.series.",
    ),
    "LC113": Code(
        "error",
        "column missing",
        "The config names a column that the table does not have.",
        "Correct the name in the config; names are matched exactly.",
    ),
    "LC114": Code(
        "error",
        "rows without a series",
        "A column of data.series is empty in some rows.",
        "Fill in the name of the series, or remove the rows.",
    ),
    "LC201": Code(
        "error",
        "text among numbers",
        "Cells of a column of numbers that are no numbers. --fix empties them where they are fewer "
        "than half of the column.",
        "Write the number alone, or leave the cell empty; --fix empties it.",
        mended=True,
    ),
    "LC202": Code(
        "error",
        "infinite values",
        "Cells such as inf, which no network can learn from.",
        "Leave the cell empty; --fix does.",
        mended=True,
    ),
    "LC203": Code(
        "warning",
        "constant column",
        "A column holds one and the same value in all rows: nothing can be learned from it.",
        "Leave the column out.",
    ),
    "LC204": Code(
        "error",
        "empty column",
        "A column holds no value at all.",
        "Leave the column out, or find out why it is empty.",
    ),
    "LC205": Code(
        "warning",
        "sudden change of scale",
        "From one row to the next the values are at least five times larger or smaller, and stay "
        "so: perhaps another unit, meter or currency.",
        "Bring the rows to one unit, or begin after the change with data.start.",
    ),
    "LC206": Code(
        "note",
        "outliers",
        "Values more than five times the range of the middle nine tenths away from it.",
        "Look at these rows; leave a cell empty if it is an error of measurement.",
    ),
    "LC207": Code(
        "warning",
        "constant series",
        "Some series hold one and the same value in all their rows: nothing can be learned from "
        "them, and errors measured by their changes are not defined.",
        "Leave them out, or find out why they never change.",
    ),
    "LC301": Code(
        "warning",
        "series too short",
        "Series with fewer rows than lookback + horizon: the network is not trained on them, and "
        "below the lookback a baseline forecasts them. An error where no series is long enough.",
        "Set window.pad: true, lower window.lookback, or leave them out.",
    ),
    "LC302": Code(
        "error",
        "no training window",
        "The cuts of validation and test leave no series with lookback + horizon train rows.",
        "Lower window.lookback or window.horizon, or make split smaller.",
    ),
    "LC303": Code(
        "warning",
        "known-future columns end too early",
        "Columns of data.future are not known for the whole horizon after the last row with a "
        "target: train scores the network, but no forecast can be made from the table alone.",
        "Add rows with these columns, or use `lstmcast predict --future`.",
    ),
    "LC304": Code(
        "error",
        "target among the covariates",
        "The config names a column both as target and as covariate.",
        "Name it in data.target only; its past is an input anyway.",
    ),
    "LC305": Code(
        "error",
        "covariate is the target of a later row",
        "A covariate holds the target of a later row, or a known-future column that of a row which "
        "is yet to be forecast: the score would be too good, and the forecast useless.",
        "Remove the column, or shift it so that it only knows the past.",
    ),
    "LC306": Code(
        "error",
        "covariate is a mean over later targets",
        "A covariate is a rolling mean of the target that reaches past its own row, such as a "
        "centred one: it knows what is to be forecast.",
        "Compute the mean over earlier rows only.",
    ),
    "LC307": Code(
        "warning",
        "covariate is a copy of the target",
        "A past covariate has the same course as the target: it adds parameters, no knowledge.",
        "Remove the column.",
    ),
    "LC308": Code(
        "warning",
        "few values for the network",
        "The network has more than a hundred parameters for each target value of the train rows.",
        "Lower network.units, or add series or rows.",
    ),
    "LC401": Code(
        "error",
        "results know later values",
        "With noise in place of every value after a cut, something before the cut is no longer the "
        "same to the bit (`check --leaks`).",
        "This is a leak in lstmcast or in a change of it: please report it.",
    ),
}
"""Every code, in the order of the reference."""
