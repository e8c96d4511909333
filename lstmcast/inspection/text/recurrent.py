"""Recurrent layers over all steps of a window."""

from __future__ import annotations

from collections.abc import Iterator

from lstmcast.errors import counted
from lstmcast.inspection.result import InspectionResult, WindowTrace
from lstmcast.inspection.text.text import (
    GAP,
    cut,
    ends,
    number,
    paragraph,
    shape_words,
    table,
    vector,
)
from lstmcast.inspection.verify_layers import LayerView
from lstmcast.network.cells import BOUNDED
from lstmcast.network.stepwise import CellState

CELL_WORDS = {
    "LSTM": "Each unit has a memory, c, and outputs part of it as h. At every step it reads the "
    "step's input x and the h of all units from the step before, and computes four numbers: the "
    "candidate g, the input gate i that lets g in{lets}, the forget gate f{keeps} and the output "
    "gate o. "
    "Then c = f * c_before + i * g, and h = o * {activation}(c).",
    "GRU": "Each unit has a state, h. At every step it reads the step's input x and the h of all "
    "units from the step before, and computes three numbers: the reset gate r (how much of the old "
    "h the candidate n sees), n, and the update gate z (how much of the old h stays). "
    "Then h = (1 - z) * n + z * h_before.",
    "RNN": "Each unit has a state, h. Every step computes it from the step's input x and the h of "
    "all units from the step before: h = {activation}(W_ih x + b_ih + W_hh h_before + b_hh).",
}

SHARES = {"lets": " (0 nothing, 1 all)", "keeps": " (0 forgets c, 1 keeps it)"}
"""Words for bounded gates; they are not true of other gates."""


def layer_sections(found: InspectionResult, traced: WindowTrace) -> Iterator[tuple[str, list[str]]]:
    """A section for each selected layer and direction."""
    for place, view in enumerate(found.layers):
        lines = []
        if place == 0:
            shares = SHARES if view.recurrent_activation in BOUNDED else dict.fromkeys(SHARES, "")
            words = CELL_WORDS[view.kind].format(activation=view.activation, **shares)
            lines += paragraph(words)
        lines += paragraph(_about(found, traced, view))
        lines += ["", *over_time(view, found.options.unit), "", *_final(view)]
        title = f"{view.name}: {view.kind}, {counted(view.units, 'unit').upper()}"
        yield title + (", BACKWARDS IN TIME" if view.steps.reverse else ""), lines


def _about(found: InspectionResult, traced: WindowTrace, view: LayerView) -> str:
    """Shapes and the source of a layer's inputs."""
    steps = view.steps
    width = "P" if steps.weights.weight_hr is not None else "U"
    plain = steps.inputs.shape[2] == found.sizes.inputs
    letter = "F" if plain and view.name.startswith("l0") else ""
    shape = shape_words(("B", view.time, letter), steps.inputs.shape)
    out = shape_words(("B", view.time, width), steps.h.shape)
    says = [f"In: {shape}, out: {out}."]
    index = int(view.name.rpartition("l")[2].partition("_")[0])
    decodes = view.name.startswith("decoder")
    both = found.config.network.bidirectional
    if index:
        below = "the h of both directions" if both and not decodes else "the h"
        says.append(f"Its x is {below} of the layer below.")
    if steps.reverse:
        says.append("It reads the window backwards, from its last step to its first.")
    elif decodes:
        start = "merged by the bridges" if both else "unchanged"
        says.append(
            f"It starts with the encoder's final states, {start}; t counts the steps of the "
            "horizon."
        )
        if not index:
            says.append(
                f"Its x is the last known target, then its previous forecast{_ahead(traced)}."
            )
    if not decodes:
        zero = not any(bool(part.any()) for part in steps.start if part is not None)
        says.append(f"It starts with {'zeros' if zero else 'a learned state'}.")
    if view.padded:
        says.append(f"It skips the {view.padded} padded steps.")
    if view.fed and not decodes:
        last = view.count - view.fed
        if found.config.network.decoder == "segments":
            says.append(
                f"Step {last} is the first segment of the horizon: its x is the vector of its "
                "position. The other segments start from the same state, each with its vector."
            )
        else:
            says.append(f"Steps {last} to {view.count - 1} read forecasts that are fed back.")
    if steps.weights.weight_hr is not None:
        says.append(
            f"Its {view.units} numbers o * {view.activation}(c) are projected to "
            f"{steps.h.shape[2]} by W_hr: h."
        )
    says.append(f"Unit {found.options.unit} over time:")
    return " ".join(says)


def _ahead(traced: WindowTrace) -> str:
    """The future covariates that a decoder reads; they are the last of the inputs."""
    future = traced.trace.batch.future
    if future is None:
        return ""
    names = ", ".join(column.name for column in traced.columns[-future.shape[2] :])
    return f", and the future covariates of each step ({cut(names, 60)})"


def over_time(view: LayerView, unit: int) -> list[str]:
    """One unit of a layer at the first and last steps: x, gates, c, h."""
    steps = view.steps
    columns = {"x[0]": steps.inputs[0, :, 0].tolist()}
    columns |= {name: values[0, :, unit].tolist() for name, values in steps.gates.items()}
    if steps.c is not None:
        columns["c"] = steps.c[0, :, unit].tolist()
    if unit < steps.h.shape[2]:
        columns["h"] = steps.h[0, :, unit].tolist()
    cells = [["t", *columns]]
    for k in ends(len(steps.steps), 3, 2):
        if k is None:
            cells.append([GAP] * len(cells[0]))
        else:
            values = [number(column[k]) for column in columns.values()]
            cells.append([str(k + view.padded), *values])
    return table(cells, left=())


def _final(view: LayerView) -> list[str]:
    """The final state of all units; with fed-back forecasts, the state after the window first."""
    if not view.fed or view.name.startswith("decoder"):
        return _state("final", view.steps.final)
    window = view.steps.before(view.window_steps)
    return [
        "  After the window (the h of the next section):",
        *_state("final", window),
        f"  After {counted(view.fed, 'step')} of the horizon:",
        *_state("last", view.steps.final),
    ]


def _state(word: str, state: CellState) -> list[str]:
    h, c = state
    lines = [f"  {word} h: {vector(h[0].tolist(), 68)}"]
    return lines if c is None else [*lines, f"  {word} c: {vector(c[0].tolist(), 68)}"]
