"""Cells of text -> numbers, with hints for cells that are not numbers."""

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
"""Cells that mean a missing value, in upper or lower case."""

EMPTY_CELLS = [spelling for word in EMPTY_WORDS for spelling in _every_case(word)]

_CURRENCY = "$\u20ac\u00a3\u00a5\u20b9"
# Patterns of cells that people mean as numbers, with advice; the first match is the hint.
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
    """A hint for a cell that is not a number; empty if no pattern fits."""
    for shape, words in _HINTS.items():
        if re.fullmatch(shape, cell.strip()):
            return f"; these look like {words}"
    return ""


def quoted(cell: str) -> str:
    """A cell for a message: in quotes, shortened if it is long."""
    if not cell.strip():
        return "(empty)"
    return f"'{cell[:37]}...'" if len(cell) > 40 else f"'{cell}'"


def to_numbers(texts: np.ndarray, decimal: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers from text cells.

    Args:
        texts: (R,) object array of str.
        decimal: Decimal mark, "." or ","; the other mark is used if all cells fit only that.

    Returns:
        (R,) float64, NaN for an empty cell; (R,) bool, whether a cell is not a number.
    """
    cells = _trimmed(texts)
    empty = _empty(cells)
    wrong = ~_fits(cells, _number(decimal)) & ~empty
    other = "," if decimal == "." else "."
    if wrong.any() and (_fits(cells, _number(other)) | empty).all():
        # The comma in 1,234 may separate thousands: such cells alone decide nothing.
        marked = to_numpy(pc.match_substring(cells, other))
        if (marked & ~_fits(cells, rf"[+-]?[1-9]\d{{0,2}}({re.escape(other)}\d{{3}})+")).any():
            decimal, wrong = other, np.zeros(len(wrong), dtype=bool)
    return _values(cells, wrong | empty, decimal), wrong


def strict_numbers(texts: np.ndarray, decimal: str) -> tuple[np.ndarray, np.ndarray]:
    """The same as `to_numbers` for a part of a column: the decimal mark is fixed."""
    cells = _trimmed(texts)
    empty = _empty(cells)
    wrong = ~_fits(cells, _number(decimal)) & ~empty
    point = cells if decimal == "." else pc.replace_substring(cells, ",", ".")
    try:  # the same rounding as Arrow has in pieces without a fault
        known = pc.if_else(pa.array(wrong | empty), pa.scalar(None, pa.large_string()), point)
        return to_numpy(pc.fill_null(known.cast(pa.float64()), float("nan"))), wrong
    except pa.ArrowInvalid:  # +5, inf
        return _values(cells, wrong | empty, decimal), wrong


def _trimmed(texts: np.ndarray) -> pa.Array:
    return pc.utf8_trim_whitespace(pa.array(texts, pa.large_string()))


def _empty(cells: pa.Array) -> np.ndarray:
    return to_numpy(pc.is_in(pc.utf8_lower(cells), pa.array(EMPTY_WORDS, pa.large_string())))


def _values(cells: pa.Array, left_out: np.ndarray, decimal: str) -> np.ndarray:
    """(R,) float64, NaN for a cell left out."""
    if decimal == ",":
        cells = pc.replace_substring(cells, ",", ".")
    numbers = pd.Series(to_numpy(cells), dtype=object).where(~left_out)
    values = pd.to_numeric(numbers)
    if values.dtype == object:  # integers with hundreds of digits
        values = numbers.map(float, na_action="ignore")
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _number(decimal: str) -> str:
    # Stricter than float(), which accepts 1_000 too.
    mark = re.escape(decimal)
    return rf"[+-]?(\d+{mark}?\d*|{mark}\d+)([eE][+-]?\d+)?|[+-]?(?i:inf(inity)?)"


def _fits(cells: pa.Array, shape: str) -> np.ndarray:
    return to_numpy(pc.match_substring_regex(cells, f"^(?:{shape})$"))


def plain(array: Any) -> Any:
    """An Arrow column as a type that pandas has: empty columns and booleans with gaps as floats."""
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
