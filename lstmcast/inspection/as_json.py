"""All that inspect found as plain data, for `--json` and for Python."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from torch import Tensor

from lstmcast.inspection.result import InspectionResult, WindowTrace
from lstmcast.inspection.tolerance import largest
from lstmcast.inspection.verify_layers import LayerView
from lstmcast.network.stepwise import CellState


def as_data(found: InspectionResult) -> dict[str, Any]:
    """Numbers as nested lists, None for one that is not finite."""
    found_data: dict[str, Any] = _without_nan(_data(found))
    return found_data


def _without_nan(value: Any) -> Any:
    """JSON has no inf and no nan."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _data(found: InspectionResult) -> dict[str, Any]:
    rows = found.rows
    data: dict[str, Any] = {
        "source": found.source,
        "trained": found.trained,
        "sizes": found.sizes.to_json(),
        "batch_size": found.config.training.batch_size,
        "parameters": sum(row.parameters for row in rows),
        "one_bias_parameters": sum(row.one_bias for row in rows),
        "multiply_adds_per_window": sum(row.multiply_adds or 0 for row in rows),
        "layers": [asdict(row) for row in rows],
        "weights": [asdict(weight) for weight in found.weights],
    }
    if found.traced is None:
        return data
    data["window"] = _window(found.traced)
    if found.options.describes_window:
        data["trace"] = _trace(found, found.traced)
    if found.opened is not None and found.step is not None:
        data["step"] = _step(found.opened, found.step)
    if found.options.plot is not None:
        data["plot"] = str(found.options.plot)
    data["checks"] = [asdict(check) for check in found.checks]
    data["largest_difference"] = largest(check.difference for check in found.checks)
    data["agrees"] = found.agrees
    data["overflow"] = found.overflow or None
    return data


def _window(traced: WindowTrace) -> dict[str, Any]:
    return {
        "number": traced.number,
        "of": traced.windows,
        "split": traced.split,
        "series": traced.series,
        "rows": traced.rows.astype(object)
        .where(traced.rows.notna(), None)
        .to_dict(orient="records"),
    }


def _trace(found: InspectionResult, traced: WindowTrace) -> dict[str, Any]:
    trace, batch = traced.trace, traced.trace.batch
    level, head = trace.level, asdict(traced.head)
    del head["check"]
    return {
        "columns": [asdict(column) for column in traced.columns],
        "scaled": batch.inputs[0].tolist(),
        "mask": _listed(batch.mask),
        "future": _listed(batch.future),
        "static": _listed(batch.static),
        "level": None
        if level is None
        else {
            # One row, but for `difference`: there each step of the horizon has its own center.
            "center": level.center[0].squeeze(0).tolist(),
            "scale": level.scale[0, 0].tolist(),
        },
        "encoder_inputs": trace.context.inputs[0].tolist(),
        "encoder_outputs": trace.context.encoding.outputs[0].tolist(),
        "layers": {view.name: _layer(view) for view in found.layers},
        "equal": [asdict(equal) | {"same": equal.same} for equal in traced.equal],
        "head": head | {"inputs": head["inputs"].tolist(), "weights": head["weights"].tolist()},
        "forecast_scaled": trace.forecast[0].tolist(),
        "forecast": traced.forecast.tolist(),
        "actual": traced.actual.tolist(),
    }


def _layer(view: LayerView) -> dict[str, Any]:
    """A layer in one direction; its lists run over the steps that it ran, padding left out."""
    steps = view.steps
    return {
        "module": view.module,
        "cell": view.kind,
        "reverse": steps.reverse,
        "first_step": view.padded,
        "fed_back_steps": view.fed,
        "inputs": steps.inputs[0].tolist(),
        "gates": {name: values[0].tolist() for name, values in steps.gates.items()},
        "c": _listed(steps.c),
        "h": steps.h[0].tolist(),
        "start": _state(steps.start),
        "final": _state(steps.final),
    }


def _step(view: LayerView, step: int) -> dict[str, Any]:
    """One step of one layer: every unit's gates, their parts and the state."""
    steps, t = view.steps, step - view.padded
    return {
        "layer": view.name,
        "step": step,
        "x": steps.inputs[0, t].tolist(),
        "before": _state(steps.before(t)),
        "gates": {name: values[0, t].tolist() for name, values in steps.gates.items()},
        "parts": {
            name: {
                "by_input": parts.by_input[0].tolist(),
                "by_state": parts.by_state[0].tolist(),
                "bias_ih": None if parts.bias_ih is None else parts.bias_ih.tolist(),
                "bias_hh": None if parts.bias_hh is None else parts.bias_hh.tolist(),
            }
            for name, parts in steps.parts(t).items()
        },
        "c": None if steps.c is None else steps.c[0, t].tolist(),
        "h": steps.h[0, t].tolist(),
    }


def _state(state: CellState) -> dict[str, Any]:
    return {"h": state[0][0].tolist(), "c": _listed(state[1])}


def _listed(values: Tensor | None) -> Any:
    """What belongs to the one window, as nested lists."""
    return None if values is None else values[0].tolist()
