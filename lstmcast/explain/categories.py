"""Categories: their codes, their words, and the vectors that stand for them."""

from __future__ import annotations

from lstmcast.explain.text import cut, number, vector
from lstmcast.workflows.inspection import Inspection, Walk

UNKNOWN = "Code 0, (unknown), stands for every word that training has not seen."


def coded(walk: Walk, column: str, code: float) -> str:
    """A code with its word: `3 rain`."""
    return f"{code:.0f} {walk.word(column, code)}"


def static_words(walk: Walk) -> list[str]:
    """Each static column with what the network is given for it: `size 0.5307`, `shop 1 s01`."""
    static = walk.trace.batch.static
    values = [] if static is None else static[0].tolist()
    return [
        f"{cut(name, 20)} {coded(walk, name, value) if name in walk.words else number(value)}"
        for name, value in zip(walk.static, values, strict=True)
    ]


def unknown_category(walk: Walk) -> bool:
    """Whether a category of the window's rows is unknown."""
    batch, padded = walk.trace.batch, walk.padded
    inputs = [k for k, column in enumerate(walk.columns) if column.words]
    static = [k for k, name in enumerate(walk.static) if name in walk.words]
    return bool(
        (batch.inputs[0, padded:, inputs] == 0).any()
        or (batch.static is not None and (batch.static[0, static] == 0).any())
    )


def vector_lines(found: Inspection, walk: Walk) -> list[str]:
    """`shop s01 -> [9 numbers]` for each column of categories, at the first row of the window."""
    trace, lines = walk.trace, []
    for k, category in enumerate(found.sizes.categories):
        call = next(call for call in trace.calls if call.name == f"embedder.tables.{k}")
        step = 0 if category.static else walk.padded
        code = float(call.inputs[0].reshape(-1)[step])
        values = call.output.reshape(-1, category.width)[step].tolist()
        at = "" if category.static else f" (t = {step})"
        name, word = cut(category.column, 20), cut(walk.word(category.column, code), 20)
        start = f"  {name} {word}{at} -> "
        lines.append(start + vector(values, 80 - len(start)))
    return lines
