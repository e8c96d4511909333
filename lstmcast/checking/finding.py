"""A finding of `check`: code, place, number of cells or rows, severity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmcast.checking.codes import CODES


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        code: A key of CODES.
        message: What, with numbers.
        column: Where; empty where no column is meant.
        rows: First rows of the table, counted from 0; empty where no row is meant.
        count: How many rows, cells or series.
        severity: One of SEVERITIES.
    """

    code: str
    message: str
    column: str = ""
    rows: tuple[int, ...] = ()
    count: int = 1
    severity: str = ""

    def __post_init__(self) -> None:
        """Take the severity from the code if none is given."""
        if not self.severity:
            object.__setattr__(self, "severity", CODES[self.code].severity)


ROWS_KEPT = 5
"""Rows that a finding names."""


def found(code: str, message: str, column: str, rows: np.ndarray, severity: str = "") -> Finding:
    """A finding at rows of the table, which are counted."""
    first = tuple(int(row) for row in rows[:ROWS_KEPT])
    return Finding(code, message, column, first, len(rows), severity)


def described(finding: Finding, lines: Sequence[str]) -> dict[str, Any]:
    """A finding as JSON, with the lines of its rows in the file."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "title": CODES[finding.code].title,
        "message": finding.message,
        "advice": CODES[finding.code].advice,
        "column": finding.column or None,
        "lines": list(lines),
        "count": finding.count,
    }
