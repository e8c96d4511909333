"""Lines of 80 columns: paragraphs, tables, and numbers that fit into them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

WIDTH = 80
GAP = "..."


def heading(number: int, title: str) -> list[str]:
    """An empty line, and the title of a section."""
    return ["", f"{number}  {title}" if number else title]


def paragraph(text: str, indent: int = 0) -> list[str]:
    """A text in lines that fit."""
    return _wrapped(text.split(), indent, indent)


def formula(text: str) -> list[str]:
    """A line of arithmetic, indented by two spaces; a wide one is broken between its terms."""
    if not text:
        return [""]
    start = len(text) - len(text.lstrip()) + 2
    terms = re.split(r" (?=[-+=] )", " ".join(text.split()))
    if max(map(cell_len, terms)) > WIDTH - start - 4:
        terms = text.split()
    return _wrapped(terms, start, start + 4)


def _wrapped(words: Iterable[str], first: int, rest: int) -> list[str]:
    """Words in lines by their width on a terminal, where some letters take two columns."""
    lines, line = [], " " * first
    for word in words:
        word = cut(word, WIDTH - rest)
        if line.strip() and cell_len(f"{line} {word}") > WIDTH:
            lines.append(line)
            line = " " * rest
        line += f" {word}" if line.strip() else word
    return [*lines, line]


def cut(text: str, width: int) -> str:
    """A text of the user on one line, cut to a width."""
    text = " ".join(text.split())
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - len(GAP)).rstrip() + GAP


def number(value: float) -> str:
    """Four decimals where they say enough, otherwise three digits and an exponent."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0.0000"
    if 5e-4 <= abs(value) < 1e4:
        return f"{value:.4f}"
    return f"{value:.2e}"


def exact(value: float) -> str:
    """Four digits, however small: for arithmetic that is written out."""
    return f"{value:.4g}"


def difference(value: float) -> str:
    """The difference between two computations of a number."""
    return f"{value:.1e}" if value else "0"


def amount(value: float) -> str:
    """A value in the units of the data; empty if it is missing."""
    return "" if math.isnan(value) else f"{value:.6g}"


def signed(value: float) -> str:
    """A term of a sum: `+ 0.1` or `- 0.1`."""
    return f"{'-' if value < 0 else '+'} {exact(abs(value))}"


def joined_sum(values: Sequence[float]) -> str:
    """Terms of a sum: `0.1 - 0.2 + 0.3`."""
    first, *rest = values
    return " ".join([exact(first), *(signed(value) for value in rest)])


def factor(value: float) -> str:
    """A factor of a product: negative ones in brackets."""
    return f"({exact(value)})" if value < 0 else exact(value)


def plus(value: float) -> str:
    """A term in units of the data: `+ 0.1` or `- 0.1`."""
    return f"- {amount(-value)}" if value < 0 else f"+ {amount(value)}"


def minus(value: float) -> str:
    """A subtracted term: `- 0.1`, or `+ 0.1` for a negative value."""
    return plus(-value) if value else "- 0"


def bracket(value: float) -> str:
    """A value in units of the data as a factor: negative ones in brackets."""
    return f"({amount(value)})" if value < 0 else amount(value)


def ends(count: int, head: int, tail: int) -> list[int | None]:
    """Places of a long axis to show: the first, None for the gap, the last."""
    if count <= head + tail + 1:
        return list(range(count))
    return [*range(head), None, *range(count - tail, count)]


def vector(values: Sequence[float], room: int = WIDTH) -> str:
    """The first and last numbers of a long row, with their count."""
    shown = [GAP if k is None else number(values[k]) for k in ends(len(values), 3, 2)]
    text = f"[{', '.join(shown)}]"
    gap = f" ({len(values):,} numbers)" if GAP in shown else ""
    return cut(text + gap, room)


def shape_words(letters: Sequence[str], lengths: Sequence[int]) -> str:
    """`(B 64, T 104, U 64)`: the letter of each axis and its length."""
    parts = (
        f"{letter} {length:,}".strip() for letter, length in zip(letters, lengths, strict=True)
    )
    return f"({', '.join(parts)})" if lengths else ""


def table(
    rows: Iterable[Sequence[str]], left: Sequence[int] = (0,), indent: int = 2, gap: int = 2
) -> list[str]:
    """Aligned columns, numbers to the right; if too wide, without the last but one.

    Args:
        rows: Cells of each row, the titles first; all of the same number.
        left: Columns of text, aligned to the left.
        indent: Spaces before each line.
        gap: Spaces between columns.
    """
    cells = [list(row) for row in rows]
    while table_width(cells, indent, gap) > WIDTH and len(cells[0]) > 2:
        cells = [[*row[:-2], row[-1]] for row in cells]
    widths = _widths(cells)
    lines = []
    for row in cells:
        parts = []
        for k, (text, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - cell_len(text))
            parts.append(text + space if k in left else space + text)
        lines.append((" " * indent + (" " * gap).join(parts)).rstrip())
    return lines


def table_width(rows: Sequence[Sequence[str]], indent: int = 2, gap: int = 2) -> int:
    """Columns of the terminal that a table takes."""
    widths = _widths(rows)
    return indent + sum(widths) + gap * (len(widths) - 1)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(cell_len(row[k]) for row in rows) for k in range(len(rows[0]))]
