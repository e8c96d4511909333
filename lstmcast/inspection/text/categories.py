"""Categories: their codes, their words and their embedding vectors."""

from __future__ import annotations

from lstmcast.inspection.result import InspectionResult, WindowTrace
from lstmcast.inspection.text.text import cut, number, vector

UNKNOWN = "Code 0, (unknown), is the code of every word that was not in the training rows."


def coded(traced: WindowTrace, column: str, code: float) -> str:
    """A code with its word: `3 rain`."""
    return f"{code:.0f} {traced.word(column, code)}"


def static_words(traced: WindowTrace) -> list[str]:
    """Each static covariate with its value as the network reads it: `size 0.5307`, `shop 1 s01`."""
    static = traced.trace.batch.static
    values = [] if static is None else static[0].tolist()
    return [
        f"{cut(name, 20)} {coded(traced, name, value) if name in traced.words else number(value)}"
        for name, value in zip(traced.static, values, strict=True)
    ]


def unknown_category(traced: WindowTrace) -> bool:
    """Whether a category of the window's rows is unknown."""
    batch, padded = traced.trace.batch, traced.padded
    inputs = [k for k, column in enumerate(traced.columns) if column.words]
    static = [k for k, name in enumerate(traced.static) if name in traced.words]
    return bool(
        (batch.inputs[0, padded:, inputs] == 0).any()
        or (batch.static is not None and (batch.static[0, static] == 0).any())
    )


def vector_lines(found: InspectionResult, traced: WindowTrace) -> list[str]:
    """`shop s01 -> [9 numbers]` for each column of categories, at the first row of the window."""
    trace, lines = traced.trace, []
    for k, category in enumerate(found.sizes.categories):
        call = next(call for call in trace.calls if call.name == f"embedder.tables.{k}")
        step = 0 if category.static else traced.padded
        code = float(call.inputs[0].reshape(-1)[step])
        values = call.output.reshape(-1, category.width)[step].tolist()
        at = "" if category.static else f" (t = {step})"
        name, word = cut(category.column, 20), cut(traced.word(category.column, code), 20)
        start = f"  {name} {word}{at} -> "
        lines.append(start + vector(values, 80 - len(start)))
    return lines
