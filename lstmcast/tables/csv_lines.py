"""The records of a CSV text, one by one: for its first rows and for messages, not for millions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from lstmcast.errors import DataError


def records(
    text: str, separator: str, name: str = "", first_line: int = 1
) -> Iterator[tuple[int, list[str]]]:
    r"""Cells of each record with the line it begins on; an empty line is `[]`.

    A record spans lines where a quoted cell holds a line end. Lines end with \n, \r or \r\n.

    Args:
        text: All lines, or those from `first_line` on.
        separator: Between two cells.
        name: What messages call the file.
        first_line: The number of the first line of `text`.

    Raises:
        DataError: If a cell has more characters than any cell should.
    """
    # newline="" leaves line ends as they are, which the csv module asks for.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    line = first_line
    try:
        for cells in reader:
            yield line, cells
            line = first_line + reader.line_num
    except csv.Error as error:
        raise DataError(
            f"{name}: line {line} cannot be read ({error}): is a quote left open?"
        ) from None
