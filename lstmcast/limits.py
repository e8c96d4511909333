"""Limits: how much is held or done at once, and thresholds between two methods.

Limits that end in `_AT_ONCE` change no forecast, except for the last digits of sums.
Read them as `limits.NAME` at the time of use: tests replace them with the fixture `limits`.
"""

from typing import Final

GZIP_GROWTH: Final = 200
"""Largest growth of a gzip file: tables shrink to about 1/10, decompression bombs to 1/1000."""

GZIP_ALWAYS_TAKEN: Final = 1 << 28
"""Bytes that any gzip file may decompress to, even a very small one."""

LONGEST_LINE: Final = 1 << 26
"""Most bytes in one line: a row of a million numbers takes a fifth of it."""

COLUMNS_PARSED_TOGETHER: Final = 1000
"""Columns of a wide CSV from which all its cells are parsed as one column: Arrow needs 0.15 ms for
each column."""

TEXT_AT_ONCE: Final = 1 << 24
"""Bytes of a text file read at once; the parsed table takes a few times as much."""

SPOOLED_ROWS_AT_ONCE: Final = 1 << 19
"""Rows of a table in memory before they are written to disk."""

BYTES_AT_ONCE: Final = 1 << 25
"""Bytes of one float64 array of rows."""

ROWS_AT_ONCE: Final = 1 << 20
"""Rows of some columns, if whole series are needed."""

QUANTILE_SAMPLE: Final = 1 << 20
"""Values of a column that `scale.method: robust` uses for the median and the quartiles."""

READING_SHOWN: Final = 50_000_000
"""Bytes of a CSV whose reading shows progress: smaller files take about a second."""

LOCATED_AT_ONCE: Final = 1 << 20
"""Windows located at once, so that the first batch does not wait for all."""

GATHERED_AT_ONCE: Final = 1 << 18
"""Numbers in one gather, which small batches share: every gather has a fixed cost."""

WINDOW_BYTES_AT_ONCE: Final = 16_000_000
"""Bytes of windows that `lstmcast window` holds while it writes."""

WINDOW_ROWS_AT_ONCE: Final = 10_000
"""Rows of windows.csv held while it is written."""

SHARED_PRODUCTS: Final = 2_000_000
"""Products (steps x windows x weights) from which a second thread saves time: 0.3 ms of work."""

RIDGE_WINDOWS: Final = 1 << 20
"""Most windows of a target to fit a linear start; of more, every second, third, ... is used."""

RIDGE_NUMBERS_AT_ONCE: Final = 1 << 20
"""Numbers of windows held while a linear start is fitted."""

BASELINE_NUMBERS_AT_ONCE: Final = 1 << 22
"""Numbers in a float64 work array of the linear baseline: 32 MiB."""

FORECAST_AT_ONCE: Final = 500_000
"""Forecast values held for each forecaster: larger arrays exceed the cache."""

SCORED_AT_ONCE: Final = 1 << 14
"""Points scored at once: their arrays fit the processor's cache."""

CALIBRATING_POINTS: Final = 8_000_000
"""Most forecast values for calibration; of more, every second, third, ... window is used."""

BACKTEST_ROWS: Final = 2_000_000
"""Most rows of backtest.csv, which memory must hold; beyond it, the file has fewer origins."""

WRITTEN_BY_ARROW: Final = 10_000
"""Rows from which Arrow writes a CSV: it is five times as fast as pandas."""
