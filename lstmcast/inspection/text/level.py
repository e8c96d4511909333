"""How `network.normalize` changes a window."""

from __future__ import annotations

from lstmcast.errors import counted
from lstmcast.inspection.result import InspectionResult, WindowTrace
from lstmcast.inspection.text.text import amount, cut, minus, paragraph, vector


def level_lines(found: InspectionResult, traced: WindowTrace) -> list[str]:
    """The level that is removed from the window, with the arithmetic of its first step."""
    level, inputs = traced.trace.level, traced.trace.batch.inputs[0]
    assert level is not None
    center, scale = float(level.center[0, 0, 0]), float(level.scale[0, 0, 0])
    after = _normalized(traced)
    name, first = cut(traced.columns[0].name, 20), amount(float(inputs[traced.padded, 0]))
    method = found.config.network.normalize
    if method == "difference":
        return _difference(found, traced, name)
    if method == "last":
        text = (
            f"normalize: last. The network reads a window relative to its last row: the last "
            f"{name}, {amount(center)}, is subtracted from every step and added to the forecast."
        )
        sums = f"{first} {minus(center)} = {amount(after[traced.padded])}"
    else:
        whose, size = {
            "standard": (f"of its {name}", "their standard deviation"),
            "season": (f"of {name} over its last season", "their mean distance from it"),
        }[method]
        text = (
            f"normalize: {method}. The network reads a window relative to its own level: subtract "
            f"the mean {whose}, {amount(center)}, from every step, then divide by {size}, "
            f"{amount(scale)}. The forecast is multiplied and shifted back."
        )
        sums = f"({first} {minus(center)}) / {amount(scale)} = {amount(after[traced.padded])}"
    lines = paragraph(text)
    lines += ["", f"  t = {traced.padded}: {sums}", f"  all t: {vector(after, 70)}"]
    if found.sizes.targets > 1:
        lines += ["", *paragraph(f"The same is done to each of the {found.sizes.targets} targets.")]
    return lines


def _difference(found: InspectionResult, traced: WindowTrace, name: str) -> list[str]:
    """How `normalize: difference` changes the first target."""
    window, season = traced.trace.context.window, found.sizes.season
    assert window.level is not None and window.differences is not None
    values, size = traced.trace.batch.inputs[0, :, 0].tolist(), float(window.level.scale[0, 0, 0])
    differences = window.differences[0, :, 0].tolist()
    last = len(values) - 1
    lines = paragraph(
        f"normalize: difference. The network reads {name} twice: relative to the mean of its last "
        f"season of {counted(season, 'step')}, divided by the mean distance from it; and as "
        f"differences from one season to the next, divided by their mean size, {amount(size)}. The "
        "network forecasts such differences and adds them to the seasonal naive forecast, which "
        "repeats the last season."
    )
    change = f"({amount(values[last])} {minus(values[last - season])}) / {amount(size)}"
    lines += ["", f"  all t: {vector(_normalized(traced), 70)}", ""]
    lines += [f"  t = {last}: {change} = {amount(differences[last])}"]
    lines += [f"  all t: {vector(differences, 70)}"]
    if found.sizes.targets > 1:
        lines += ["", *paragraph(f"The same is done to each of the {found.sizes.targets} targets.")]
    return lines


def _normalized(traced: WindowTrace) -> list[float]:
    """The first target as `normalize` leaves it."""
    result: list[float] = traced.trace.context.window.inputs[0, :, 0].tolist()
    return result
