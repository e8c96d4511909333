"""The page that `lstmcast inspect` prints, as a list of lines."""

from __future__ import annotations

from lstmcast.inspection.result import InspectionResult
from lstmcast.inspection.text.layers import layer_lines, weight_lines
from lstmcast.inspection.text.step import step_lines
from lstmcast.inspection.text.text import cut, difference, paragraph, table
from lstmcast.inspection.text.window import window_lines
from lstmcast.inspection.tolerance import largest

AGREE = "They agree: single precision (float32) holds about seven digits."
DISAGREE = "THEY DO NOT AGREE, although float32 holds about seven digits: please report this."
OVERFLOW = (
    "THE NUMBERS OVERFLOW, first at {where}: single precision (float32) ends at 3.4e38, larger "
    "numbers become inf or nan, and these cannot be compared."
)


def page(found: InspectionResult) -> list[str]:
    """The sections that the options select: layers, trace of a window, or one step."""
    options, lines = found.options, []
    if options.describes_window or not options.traces_window:
        lines += layer_lines(found)
        lines += window_lines(found) if options.describes_window else weight_lines(found)
        if not options.describes_window:
            lines += ["", f"Next: lstmcast inspect {found.source} --trace"]
    if found.step is not None:
        lines += step_lines(found)
    if options.plot is not None:
        lines += ["", f"Heat maps: {options.plot}"]
    if found.traced is not None:
        lines += check_lines(found)
    return lines


def check_lines(found: InspectionResult) -> list[str]:
    """The second computation of the numbers and its largest differences from the first."""
    lines = ["", "CHECKED"]
    lines += paragraph(
        "lstmcast's own cells (lstmcast/network/cells.py, a dozen lines for each kind) computed "
        "the numbers above. A second computation checks them; these are the differences:"
    )
    cells = [[cut(check.what, 66), difference(check.difference)] for check in found.checks]
    cells.append(
        ["largest difference", difference(largest(check.difference for check in found.checks))]
    )
    lines += ["", *table(cells), ""]
    if found.overflow:
        return lines + paragraph(OVERFLOW.format(where=found.overflow))
    return lines + paragraph(AGREE if found.agrees else DISAGREE)
