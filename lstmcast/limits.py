"""How much is held or done at once, and from where on something is done in another way.

No number of a forecast depends on those that end in `_AT_ONCE`, but for the last digits of sums.
Read them as `limits.NAME`, when they are needed; a test replaces them by the fixture `limits`.
"""

from typing import Final

GZIP_GROWTH: Final = 200
"""Times the size of a gzip file: numbers in text shrink to a tenth, a bomb to a thousandth."""

GZIP_ALWAYS_TAKEN: Final = 1 << 28
"""Bytes that a gzip file may become, however small it is."""

LONGEST_LINE: Final = 1 << 26
"""Bytes without a line end that no table has: a row of a million numbers takes a fifth."""

COLUMNS_PARSED_TOGETHER: Final = 1000
"""Columns of a wide CSV from which all its cells are parsed as one column: Arrow needs 0.15 ms for
each column."""

TEXT_AT_ONCE: Final = 1 << 24
"""Bytes of a text file read at a time onto disk; what is made of it takes a few times as much."""

SPOOLED_ROWS_AT_ONCE: Final = 1 << 19
"""Rows of a table on its way to disk."""

BYTES_AT_ONCE: Final = 1 << 25
"""Of one float64 array over rows."""

ROWS_AT_ONCE: Final = 1 << 20
"""Rows of some columns, where whole series are wanted."""

QUANTILE_SAMPLE: Final = 1 << 20
"""Values of a column that the median and the quartiles of `scale.method: robust` are taken of."""

READING_SHOWN: Final = 50_000_000
"""Bytes of a CSV whose reading is watched: fewer take a second."""

LOCATED_AT_ONCE: Final = 1 << 20
"""Windows whose rows are looked up at a time, so that a first batch need not wait for all."""

GATHERED_AT_ONCE: Final = 1 << 18
"""Numbers in one gather, which small batches share: each costs as much to ask for as to make."""

WINDOW_BYTES_AT_ONCE: Final = 16_000_000
"""Of windows while `lstmcast window` writes them."""

WINDOW_ROWS_AT_ONCE: Final = 10_000
"""Of windows.csv while it is written."""

SHARED_PRODUCTS: Final = 2_000_000
"""Products (steps x windows x weights) from which it pays to wake another thread: 0.3 ms."""

RIDGE_WINDOWS: Final = 1 << 20
"""Windows of one target that a linear start is fitted to; of more, every second, third, ... of a
series."""

RIDGE_NUMBERS_AT_ONCE: Final = 1 << 20
"""Numbers of windows while a linear start is fitted."""

BASELINE_NUMBERS_AT_ONCE: Final = 1 << 22
"""Of a float64 work array of the linear baseline: 32 MiB."""

FORECAST_AT_ONCE: Final = 500_000
"""Forecast values held for each forecaster: of more, arrays outgrow the cache."""

SCORED_AT_ONCE: Final = 1 << 14
"""Points whose scores are reckoned together: the arrays of them at hand fit a processor's cache."""

CALIBRATING_POINTS: Final = 8_000_000
"""Forecast values that intervals are calibrated on; of more, every second, third, ... window."""

BACKTEST_ROWS: Final = 2_000_000
"""Rows of backtest.csv beyond which it holds fewer origins: it is made, and read for the page, in
memory."""

WRITTEN_BY_ARROW: Final = 10_000
"""Rows from which Arrow, five times as fast as pandas, writes a CSV."""
