"""Cells of text -> numbers, and what a cell that is no number looks like."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def _every_case(word: str) -> list[str]:
    letters = [sorted({letter.lower(), letter.upper()}) for letter in word]
    return ["".join(spelling) for spelling in itertools.product(*letters)]


EMPTY_WORDS = ("na", "n/a", "null", "nan", "none", "-", "?", ".", "")
"""Cells that stand for no value, in any case."""

EMPTY_CELLS = [spelling for word in EMPTY_WORDS for spelling in _every_case(word)]

_CURRENCY = "$\u20ac\u00a3\u00a5\u20b9"
# Shapes of cells that people mean as numbers, with what to do; the first that fits is said.
_HINTS = {
    r"[+-]?\d+,\d{1,2}|[+-]?\d+,\d{4,}|[+-]?0,\d+": "decimal commas: write 12.5 for 12,5",
    r"[+-]?\d{1,3}([.,' \u00a0\u202f\u2019_]\d{3})+([.,]\d+)?": (
        "thousands separators: write 1234.5 for 1,234.5"
    ),
    r"[+-]?[\d.,]+ ?%": "percentages: write the number alone",
    rf"[^\d]*[{_CURRENCY}][^\d]*[\d.,]+|[\d.,]+ ?[{_CURRENCY}]": (
        "amounts of money: write the number alone"
    ),
    r"\([\d.,]+\)": "negative numbers in brackets: write -5 for (5)",
    r"[\u2212\u2013][\d.,]+": "typographic minus signs: write the hyphen '-'",
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*": "dates",
    r"[-+]?[\d.,]+ ?[A-Za-z\u00b0/\u00b2\u00b3\u00b5]+": (
        "numbers with a unit: write the number alone"
    ),
    r"#[A-Z]+[/A-Z0-9]*[!?]?": "errors of a spreadsheet: leave such cells empty",
    r"(?i)yes|no|y|n|on|off": "yes and no: write 1 and 0",
}


def hint(cell: str) -> str:
    """Words on what a cell that is no number looks like, or nothing."""
    for shape, words in _HINTS.items():
        if re.fullmatch(shape, cell.strip()):
            return f"; these look like {words}"
    return ""


def quoted(cell: str) -> str:
    """A cell for a message: in quotes, cut where it is long."""
    if not cell.strip():
        return "(empty)"
    return f"'{cell[:37]}...'" if len(cell) > 40 else f"'{cell}'"


def to_numbers(texts: np.ndarray, decimal: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers written in text cells.

    Args:
        texts: (R,) object array of str.
        decimal: The decimal mark, "." or ","; the other one where all cells fit only that.

    Returns:
        (R,) float64, NaN where a cell is empty, and (R,) bool, true where it is no number.
    """
    cells = _trimmed(texts)
    empty = _empty(cells)
    wrong = ~_fits(cells, _number(decimal)) & ~empty
    other = "," if decimal == "." else "."
    if wrong.any() and (_fits(cells, _number(other)) | empty).all():
        # 1,234 may be a thousand and more: such cells alone decide nothing.
        marked = to_numpy(pc.match_substring(cells, other))
        if (marked & ~_fits(cells, rf"[+-]?[1-9]\d{{0,2}}({re.escape(other)}\d{{3}})+")).any():
            decimal, wrong = other, np.zeros(len(wrong), dtype=bool)
    return _values(cells, wrong | empty, decimal), wrong


def strict_numbers(texts: np.ndarray, decimal: str) -> tuple[np.ndarray, np.ndarray]:
    """As `to_numbers`, of a part of a column, which cannot tell of another decimal mark."""
    cells = _trimmed(texts)
    empty = _empty(cells)
    wrong = ~_fits(cells, _number(decimal)) & ~empty
    point = cells if decimal == "." else pc.replace_substring(cells, ",", ".")
    try:  # the digits that Arrow makes of the pieces without a fault
        known = pc.if_else(pa.array(wrong | empty), pa.scalar(None, pa.large_string()), point)
        return to_numpy(pc.fill_null(known.cast(pa.float64()), float("nan"))), wrong
    except pa.ArrowInvalid:  # +5, inf
        return _values(cells, wrong | empty, decimal), wrong


def _trimmed(texts: np.ndarray) -> pa.Array:
    return pc.utf8_trim_whitespace(pa.array(texts, pa.large_string()))


def _empty(cells: pa.Array) -> np.ndarray:
    return to_numpy(pc.is_in(pc.utf8_lower(cells), pa.array(EMPTY_WORDS, pa.large_string())))


def _values(cells: pa.Array, left_out: np.ndarray, decimal: str) -> np.ndarray:
    """(R,) float64, NaN where a cell is left out."""
    if decimal == ",":
        cells = pc.replace_substring(cells, ",", ".")
    numbers = pd.Series(to_numpy(cells), dtype=object).where(~left_out)
    values = pd.to_numeric(numbers)
    if values.dtype == object:  # whole numbers of hundreds of digits
        values = numbers.map(float, na_action="ignore")
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _number(decimal: str) -> str:
    # Told by shape: what float() takes beyond it, such as 1_000, is no number here.
    mark = re.escape(decimal)
    return rf"[+-]?(\d+{mark}?\d*|{mark}\d+)([eE][+-]?\d+)?|[+-]?(?i:inf(inity)?)"


def _fits(cells: pa.Array, shape: str) -> np.ndarray:
    return to_numpy(pc.match_substring_regex(cells, f"^(?:{shape})$"))


def plain(array: Any) -> Any:
    """An Arrow column in a type that pandas has: not so nothing at all, and truth with gaps."""
    if pa.types.is_null(array.type):
        return array.cast(pa.float64())
    if pa.types.is_boolean(array.type) and array.null_count:
        return array.cast(pa.uint8()).cast(pa.float64())
    return array


def to_numpy(array: Any) -> np.ndarray:
    """An Arrow array, chunked or not, as numpy."""
    if isinstance(array, pa.ChunkedArray):
        return np.asarray(array.to_numpy())
    return np.asarray(array.to_numpy(zero_copy_only=False))
