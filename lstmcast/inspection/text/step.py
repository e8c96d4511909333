"""One time step of one layer: every unit's gates and state, and one unit's arithmetic."""

from __future__ import annotations

import torch
from torch import Tensor

from lstmcast.inspection.result import InspectionResult
from lstmcast.inspection.text.text import (
    GAP,
    ends,
    exact,
    factor,
    formula,
    heading,
    joined_sum,
    number,
    paragraph,
    table,
    vector,
)
from lstmcast.inspection.verify_layers import LayerView
from lstmcast.network.cells import ACTIVATIONS, BOUNDED
from lstmcast.network.stepwise import GateParts

PRODUCTS_WRITTEN_OUT = 3
"""Products of weights and numbers that are written out; more are added up before they are shown."""


def step_lines(found: InspectionResult) -> list[str]:
    """The step that `--step` selects."""
    assert found.step is not None and found.opened is not None
    view, unit = found.opened, found.options.unit
    t = found.step - view.padded  # among the steps that ran
    lines = [*heading(0, f"STEP {found.step} OF {view.name}"), *_about(found, view)]
    h, c = view.steps.before(t)
    lines += ["", f"  x         {vector(view.steps.inputs[0, t].tolist(), 68)}"]
    lines += [f"  h before  {vector(h[0].tolist(), 68)}"]
    if c is not None:
        lines += [f"  c before  {vector(c[0].tolist(), 68)}"]
    lines += ["", *_units(view, t, unit), "", f"UNIT {unit}, WRITTEN OUT"]
    return lines + [part for line in unit_lines(view, t, unit) for part in formula(line)]


def _about(found: InspectionResult, view: LayerView) -> list[str]:
    assert found.traced is not None and found.step is not None
    rows = found.traced.rows
    inputs = int((rows["part"] == "input").sum())
    place = found.step - view.padded
    if view.name.startswith("decoder"):
        place += inputs
    words = ""
    if place < len(rows):
        stamp = rows.iloc[place][found.traced.time or "step"]
        words = f" This step reads the row of {stamp}."
        if place >= inputs:
            words = f" This step predicts for {stamp}, whose row is not known yet."
    order = "backwards in time, so 'before' means the next step." if view.steps.reverse else ""
    state = "trained" if found.trained else "untrained"
    return paragraph(
        f"Window {found.traced.number:,}, {state} network.{words} Steps are counted from 0 to "
        f"{view.count - 1}.{' The layer runs ' + order if order else ''}"
    )


def _units(view: LayerView, t: int, unit: int) -> list[str]:
    """Gates, c and h of the first and last units, and of the chosen one."""
    steps = view.steps
    columns = {name: values[0, t].tolist() for name, values in steps.gates.items()}
    c = steps.before(t)[1]
    if steps.c is not None and c is not None:
        columns |= {"c before": c[0].tolist(), "c": steps.c[0, t].tolist()}
    columns["h"] = steps.h[0, t].tolist()
    cells = [["unit", *columns]]
    for k in _with(ends(view.units, 4, 2), unit):
        if k is None:
            cells.append([GAP] * len(cells[0]))
        else:
            values = [number(column[k]) if k < len(column) else "" for column in columns.values()]
            cells.append([str(k), *values])
    return table(cells, left=())


def _with(places: list[int | None], chosen: int) -> list[int | None]:
    """The places with the chosen one among them, between gaps."""
    if chosen in places or None not in places:
        return places
    gap = places.index(None)
    before, after = places[gap - 1], places[gap + 1]
    assert before is not None and after is not None
    middle: list[int | None] = [chosen]
    if chosen > before + 1:
        middle = [None, *middle]
    if chosen < after - 1:
        middle = [*middle, None]
    return places[:gap] + middle + places[gap + 1 :]


def unit_lines(view: LayerView, t: int, unit: int) -> list[str]:
    """The arithmetic of one unit; a reader can check every line with a pocket calculator."""
    parts = view.steps.parts(t)
    inputs = view.steps.inputs[0, t].tolist()
    before = view.steps.before(t)[0][0].tolist()
    kinds = {"LSTM": _lstm, "GRU": _gru}
    return kinds.get(view.kind, _rnn)(view, t, unit, parts, inputs, before)


def _lstm(
    view: LayerView,
    t: int,
    unit: int,
    parts: dict[str, GateParts],
    inputs: list[float],
    before: list[float],
) -> list[str]:
    steps, squash = view.steps, view.activation
    values = {name: float(gate[0, t, unit]) for name, gate in steps.gates.items()}
    lines: list[str] = []
    says = {
        "i": f"lets in {values['i']:.0%} of the candidate",
        "f": f"keeps {values['f']:.0%} of the memory",
        "g": "the candidate",
        "o": f"shows {values['o']:.0%} of the memory",
    }
    for k, name in enumerate(("i", "f", "g", "o")):
        activation = squash if name == "g" else view.recurrent_activation
        lines += _gate(view, name, k, activation, parts[name], unit, inputs, before, values[name])
        if name == "g" or view.recurrent_activation in BOUNDED:
            lines[-1] += f"   ({says[name]})"
        lines.append("")
    c_before = steps.before(t)[1]
    assert c_before is not None and steps.c is not None
    c, old = float(steps.c[0, t, unit]), float(c_before[0, unit])
    i, f, g, o = (values[name] for name in ("i", "f", "g", "o"))
    lines.append("c = f * c_before + i * g")
    lines.append(
        f"  = {factor(f)} * {factor(old)} + {factor(i)} * {factor(g)} "
        f"= {joined_sum([f * old, i * g])} = {exact(c)}"
    )
    squashed = _squashed(squash, c)
    shown = o * squashed
    name = "h" if steps.weights.weight_hr is None else "shown"
    lines += ["", f"{name} = o * {squash}(c)"]
    lines.append(
        f"  = {factor(o)} * {squash}({exact(c)}) = {factor(o)} * {factor(squashed)} "
        f"= {exact(shown)}"
    )
    if steps.weights.weight_hr is not None:
        lines += [
            "",
            f"W_hr projects {view.units} such numbers to {steps.h.shape[2]}: h = W_hr shown",
        ]
        if unit < steps.h.shape[2]:
            h = float(steps.h[0, t, unit])
            shows = (steps.gates["o"][0, t] * ACTIVATIONS[squash](steps.c[0, t])).tolist()
            products = _products("W_hr shown", steps.weights.weight_hr[unit], shows, h)
            terms = f"  = a weighted sum of 'shown' of all {view.units} units = {exact(h)}"
            lines += products or [terms]
    return lines


def _gru(
    view: LayerView,
    t: int,
    unit: int,
    parts: dict[str, GateParts],
    inputs: list[float],
    before: list[float],
) -> list[str]:
    steps, gate = view.steps, view.recurrent_activation
    values = {name: float(values[0, t, unit]) for name, values in steps.gates.items()}
    lines: list[str] = []
    says = {
        "r": f"the candidate sees {values['r']:.0%} of the state",
        "z": f"keeps {values['z']:.0%} of the state",
    }
    for k, name in enumerate(("r", "z")):
        lines += _gate(view, name, k, gate, parts[name], unit, inputs, before, values[name])
        if gate in BOUNDED:
            lines[-1] += f"   ({says[name]})"
        lines.append("")
    by_input, state, bias_ih, bias_hh = _numbers(parts["n"], unit)
    r, z, n = (values[name] for name in ("r", "z", "n"))
    inner = state + (bias_hh or 0.0)
    outer = by_input + (bias_ih or 0.0)
    biases = ("", "") if bias_ih is None else (" + b_in", " + b_hn")
    lines.append(f"n = {view.activation}(W_in x{biases[0]} + r * (W_hn h{biases[1]}))")
    row, weights = 2 * view.units + unit, steps.weights
    lines += _products("W_in x", weights.weight_ih[row], inputs, by_input)
    lines += _products("W_hn h", weights.weight_hh[row], before, state)
    given = [by_input] if bias_ih is None else [by_input, bias_ih]
    own = [state] if bias_hh is None else [state, bias_hh]
    lines.append(f"  = {view.activation}({joined_sum(given)} + {factor(r)} * ({joined_sum(own)}))")
    lines.append(f"  = {view.activation}({exact(outer + r * inner)}) = {exact(n)}")
    h, old = float(steps.h[0, t, unit]), float(steps.before(t)[0][0, unit])
    lines += ["", "h = (1 - z) * n + z * h_before"]
    lines.append(
        f"  = {factor(1 - z)} * {factor(n)} + {factor(z)} * {factor(old)} "
        f"= {joined_sum([(1 - z) * n, z * old])} = {exact(h)}"
    )
    return lines


def _rnn(
    view: LayerView,
    t: int,
    unit: int,
    parts: dict[str, GateParts],
    inputs: list[float],
    before: list[float],
) -> list[str]:
    h = float(view.steps.h[0, t, unit])
    return _gate(view, "h", 0, view.activation, parts["h"], unit, inputs, before, h)


def _gate(
    view: LayerView,
    name: str,
    place: int,
    activation: str,
    parts: GateParts,
    unit: int,
    inputs: list[float],
    before: list[float],
    value: float,
) -> list[str]:
    """One gate: its formula, its parts, their sum, and the activation of the sum."""
    terms = [term for term in _numbers(parts, unit) if term is not None]
    end = "h" if name == "h" else name
    of_input, of_state = (
        ("W_ih x", "W_hh h_before") if end == "h" else (f"W_i{end} x", f"W_h{end} h")
    )
    biases = ["", ""] if parts.bias_ih is None else [f" + b_i{end}", f" + b_h{end}"]
    lines = [f"{name} = {activation}({of_input} + {of_state}{biases[0]}{biases[1]})"]
    row, weights = place * view.units + unit, view.steps.weights
    lines += _products(of_input, weights.weight_ih[row], inputs, terms[0])
    lines += _products(of_state, weights.weight_hh[row], before, terms[1])
    lines.append(f"  = {activation}({joined_sum(terms)})")
    lines.append(f"  = {activation}({exact(sum(terms))}) = {exact(value)}")
    return lines


def _products(name: str, weights: Tensor, values: list[float], total: float) -> list[str]:
    """The line `W x = w0 * x0 + w1 * x1 = total`, if it has few products."""
    if len(values) > PRODUCTS_WRITTEN_OUT:
        return []
    products = [f"{factor(w)} * {factor(x)}" for w, x in zip(weights.tolist(), values, strict=True)]
    return [f"    {name} = {' + '.join(products)} = {exact(total)}"]


def _numbers(parts: GateParts, unit: int) -> tuple[float, float, float | None, float | None]:
    """The terms of a unit's sum: from the input, from the state, two biases."""
    return (
        float(parts.by_input[0, unit].detach()),
        float(parts.by_state[0, unit].detach()),
        None if parts.bias_ih is None else float(parts.bias_ih[unit].detach()),
        None if parts.bias_hh is None else float(parts.bias_hh[unit].detach()),
    )


def _squashed(activation: str, value: float) -> float:
    return float(ACTIVATIONS[activation](torch.tensor(value)))
