"""The records of a CSV text, one by one: for its first rows and for messages, not for millions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from lstmcast.errors import DataError


def records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    r"""Cells of each record with the line it begins on, from 1; an empty line is `[]`.

    A record spans lines where a quoted cell holds a line end. Lines end with \n, \r or \r\n.

    Raises:
        DataError: If a cell has more characters than any cell should.
    """
    # newline="" leaves line ends as they are, which the csv module asks for.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"line {line} cannot be read ({error}): is a quote left open?") from None
