"""The records of a CSV text, one by one: for first rows and messages; slow for many rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from lstmcast.errors import DataError


def records(
    text: str, separator: str, name: str = "", first_line: int = 1
) -> Iterator[tuple[int, list[str]]]:
    r"""Line number and cells of each record; an empty line is `[]`.

    A record spans several lines if a quoted cell has a line end. Lines end with \n, \r or \r\n.

    Args:
        text: All lines, or those from `first_line` on.
        separator: Character between two cells.
        name: Name of the file in messages.
        first_line: Number of the first line of `text`.

    Raises:
        DataError: A cell is too long.
    """
    # newline="" keeps line ends unchanged, as the csv module requires.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    line = first_line
    try:
        for cells in reader:
            yield line, cells
            line = first_line + reader.line_num
    except csv.Error as error:
        raise DataError(
            f"{name}: line {line} cannot be read ({error}): is a quote not closed?"
        ) from None
