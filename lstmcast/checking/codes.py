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
        "Correct the field; docs/config.md describes every field and its default.",
    ),
    "LC100": Code(
        "error",
        "cannot be read further",
        "The pipeline from the table to its windows stops here; later steps were not checked. A "
        "note if other errors explain it.",
        "Correct this and the errors above, then check again.",
    ),
    "LC101": Code(
        "error",
        "time stamps that cannot be read",
        "Cells of the time column are not time stamps, or not real dates such as 2024-02-30.",
        "Correct these cells, or give their format in data.time_format.",
    ),
    "LC102": Code(
        "error",
        "time stamps in several formats",
        "Most time stamps have one format; these have another one that can be read without doubt.",
        "Write all time stamps in one format; --fix writes YYYY-MM-DD.",
        mended=True,
    ),
    "LC103": Code(
        "error",
        "duplicate time stamps",
        "Rows of one series have the same time stamp and different values; the table does not say "
        "which is right.",
        "Remove one of each, or set data.duplicates to first, last or mean.",
    ),
    "LC104": Code(
        "error",
        "duplicate rows",
        "Rows repeat an earlier row in every cell.",
        "Remove the repeats; --fix does.",
        mended=True,
    ),
    "LC105": Code(
        "warning",
        "missing steps",
        "Steps between the first and last row of a series have no row. data.gaps says how they "
        "are imputed; they are never scored.",
        "Add the rows, or choose the imputation with data.gaps.",
    ),
    "LC106": Code(
        "note",
        "missing values",
        "Cells in rows of history are empty. data.gaps says how they are imputed; they are never "
        "scored.",
        "Choose the imputation with data.gaps: forward, interpolate, zero, mask.",
    ),
    "LC107": Code(
        "warning",
        "days of 23 or 25 hours",
        "At a change between standard and daylight saving time an hour is missing in spring or "
        "repeated in autumn: time stamps are local time. Repeated hours are an error unless "
        "data.duplicates is set.",
        "Write time stamps in UTC or with an offset, or set data.duplicates: mean.",
    ),
    "LC108": Code(
        "error",
        "time stamps off the grid",
        "Time stamps are not a whole number of steps apart from the others.",
        "Correct them, resample the table, or set data.frequency.",
    ),
    "LC109": Code(
        "warning",
        "series of different frequency",
        "Some series have another frequency than most: on a common grid they consist of missing "
        "steps.",
        "Forecast them separately, or convert all series to one frequency.",
    ),
    "LC110": Code(
        "note",
        "unsorted rows",
        "Rows of a series are not in the order of time; lstmcast sorts them when it reads.",
        "Nothing to do; --fix writes them in order.",
        mended=True,
    ),
    "LC111": Code(
        "error",
        "ambiguous time stamps",
        "03/04/2024 can be in March or in April, and no row decides which.",
        "Set data.time_format to day_first or month_first.",
    ),
    "LC112": Code(
        "error",
        "series are not distinguished",
        "Time stamps repeat, but are unique for each value of a column that data.series does not "
        "name. The other checks assume that it does.",
        "Name the column in data.series.",
    ),
    "LC113": Code(
        "error",
        "column missing",
        "The config names a column that the table does not have.",
        "Correct the name in the config; names must match exactly.",
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
        "Cells of a numeric column are not numbers. --fix empties them if they are fewer than "
        "half of the column.",
        "Write the number alone, or leave the cell empty; --fix empties it.",
        mended=True,
    ),
    "LC202": Code(
        "error",
        "infinite values",
        "Cells such as inf, from which no network can learn.",
        "Leave the cell empty; --fix does.",
        mended=True,
    ),
    "LC203": Code(
        "warning",
        "constant column",
        "A column has the same value in all rows: nothing can be learned from it.",
        "Leave the column out.",
    ),
    "LC204": Code(
        "error",
        "empty column",
        "A column has no value in any row.",
        "Leave the column out, or find out why it is empty.",
    ),
    "LC205": Code(
        "warning",
        "sudden change of scale",
        "From one row to the next the values become at least five times larger or smaller, and "
        "stay so: perhaps another unit, meter or currency.",
        "Convert the rows to one unit, or begin after the change with data.start.",
    ),
    "LC206": Code(
        "note",
        "outliers",
        "Values lie outside the middle 90 % of the values by more than five times its range.",
        "Look at these rows; leave a cell empty if it is a measurement error.",
    ),
    "LC207": Code(
        "warning",
        "constant series",
        "Some series have the same value in all their rows: nothing can be learned from them, and "
        "scaled errors (MASE, RMSSE) are not defined for them.",
        "Leave them out, or find out why they never change.",
    ),
    "LC301": Code(
        "warning",
        "series too short",
        "Series have fewer rows than lookback + horizon: the network is not trained on them, and "
        "a baseline forecasts those below the lookback. An error if no series is long enough.",
        "Set window.pad: true, lower window.lookback, or leave them out.",
    ),
    "LC302": Code(
        "error",
        "no training window",
        "The validation and test splits leave no series with lookback + horizon training rows.",
        "Lower window.lookback or window.horizon, or make split smaller.",
    ),
    "LC303": Code(
        "warning",
        "future covariates end too early",
        "Columns of data.future are not known for the whole horizon after the last row with a "
        "target: train scores the network, but cannot forecast from the table alone.",
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
        "covariate leaks the target of a later row",
        "A covariate has the target's value of a later row, or a future covariate that of a row "
        "still to be forecast: data leakage. Scores would be too good, and the forecast useless.",
        "Remove the column, or shift it so that it contains only the past.",
    ),
    "LC306": Code(
        "error",
        "covariate is a mean over later targets",
        "A covariate is a rolling mean of the target that includes later rows, such as a centred "
        "mean: data leakage.",
        "Compute the mean over earlier rows only.",
    ),
    "LC307": Code(
        "warning",
        "covariate is a copy of the target",
        "A past covariate moves exactly with the target: it adds parameters, but no information.",
        "Remove the column.",
    ),
    "LC308": Code(
        "warning",
        "few values for the network",
        "The network has more than a hundred parameters for each target value of the training "
        "rows.",
        "Lower network.units, or add series or rows.",
    ),
    "LC401": Code(
        "error",
        "data leakage",
        "After everything after a split was replaced with noise, something before the split is no "
        "longer the same to the bit (`check --leaks`).",
        "This is a leak in lstmcast or in a change to it: please report it.",
    ),
}
"""Every code, in the order of the reference."""
