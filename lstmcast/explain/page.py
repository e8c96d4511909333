"""All that `inspect` was asked for, one line a list item."""

from __future__ import annotations

from lstmcast.explain.layers import layer_lines, weight_lines
from lstmcast.explain.step import step_lines
from lstmcast.explain.text import cut, difference, paragraph, table
from lstmcast.explain.walk import walk_lines
from lstmcast.workflows.inspection import Inspection

AGREE = "They agree: single precision (float32) holds about seven digits."
DISAGREE = "THEY DO NOT AGREE, and single precision holds about seven digits: please report it."


def page(found: Inspection) -> list[str]:
    """The table of layers, or the walk of a window, or one step of it, as was asked."""
    look, lines = found.look, []
    if look.tells or not look.follows:
        lines += layer_lines(found)
        lines += walk_lines(found) if look.tells else weight_lines(found)
        if not look.tells:
            lines += ["", f"Next: lstmcast inspect {found.source} --trace"]
    if found.step is not None:
        lines += step_lines(found)
    if look.plot is not None:
        lines += ["", f"Heat maps: {look.plot}"]
    if found.walk is not None:
        lines += check_lines(found)
    return lines


def check_lines(found: Inspection) -> list[str]:
    """What was computed twice, and how far the two ways are apart."""
    largest = max(check.difference for check in found.checks)
    agree = all(check.holds for check in found.checks)
    lines = ["", "CHECKED"]
    lines += paragraph(
        "The numbers above are those of lstmcast's own cells, a dozen lines for each kind "
        "(lstmcast/network/cells.py), which give the gates too. They were computed a second time:"
    )
    cells = [[cut(check.what, 66), difference(check.difference)] for check in found.checks]
    cells.append(["largest difference", difference(largest)])
    if agree:
        return [*lines, "", *table(cells), "", *paragraph(AGREE)]
    return [*lines, "", *table(cells), "", *paragraph(DISAGREE)]
