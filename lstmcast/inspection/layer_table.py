"""What a network is made of: shapes, parameters, multiply-adds and bytes, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from lstmcast.inspection.trace import Trace
from lstmcast.inspection.verify_layers import Call, LayerView, is_recurrent
from lstmcast.network.cells import GATES
from lstmcast.network.decoders import DirectDecoder
from lstmcast.network.embedding import CategoryTable
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.readouts import READOUTS
from lstmcast.network.segments import SegmentsDecoder

FLOAT_BYTES = 4

OWN_PARAMETERS = {
    "encoder.learned": "first state",
    "channels": "names",
    "decoder": "positions",
}
"""What parameters are that belong to no layer."""


@dataclass(frozen=True)
class Row:
    """One line of the table of layers.

    Attributes:
        name: Of the layer: torch's module name, `l0` and so on of recurrent layers.
        what: What it is, in a word or two.
        axes: Letter of each axis of its output.
        shape: Length of each axis, for the configured batch.
        calls: How often it runs for one forecast.
        parameters: Trained numbers.
        one_bias: The same where a recurrent layer has one bias, as other tools count.
        multiply_adds: In matrix products, for one window, all calls together; None: not known.
        bytes: Of its outputs of all calls, for the configured batch.
    """

    name: str
    what: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    calls: int
    parameters: int
    one_bias: int
    multiply_adds: int | None
    bytes: int


@dataclass(frozen=True)
class Weight:
    """One tensor of a recurrent layer.

    Attributes:
        name: As in torch's `state_dict`.
        shape: Of the tensor.
        axes: The same in letters.
    """

    name: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]


def recurrent_multiply_adds(mode: str, inputs: int, units: int, projection: int, steps: int) -> int:
    """Multiply-adds of one layer and direction over one window: its matrix products only.

        steps * (G * U * (F + R) + P * U)

    with G gates (LSTM 4, GRU 3, RNN 1), U units, F inputs, R numbers in h (U, or P with projection)
    and the last term only with a projection. Left out are biases, activations and the products of
    gates and states, of the order of U a step beside U * (F + U).

    Args:
        mode: LSTM, GRU, RNN_TANH or RNN_RELU.
        inputs: F.
        units: U.
        projection: P; 0: none.
        steps: Of one window.
    """
    gates = len(GATES[mode]) or 1
    state = projection or units
    return steps * (gates * units * (inputs + state) + projection * units)


def layer_rows(network: Forecaster, trace: Trace, batch_size: int) -> list[Row]:
    """The table of layers, in the order in which a window runs through them.

    Every module with parameters has a row; steps without parameters
    have one too where they change the shape or the meaning of what runs through.

    Args:
        network: The network.
        trace: Of a window without padding.
        batch_size: B of shapes and bytes.
    """
    inputs, sizes = trace.batch.inputs, network.sizes
    rows = [_plain("window", "", ("B", "T", "F"), (1, *inputs.shape[1:]))]
    order = list(dict.fromkeys(call.name for call in trace.calls))
    owners = [
        name for name, module in network.named_modules() if list(module.parameters(recurse=False))
    ]
    uncalled = [name for name in owners if name not in order]
    called = sorted((name for name in owners if name in order), key=order.index)
    first = next(k for k, name in enumerate(called) if name.startswith("encoder."))
    folding = [name for name in called[:first] if name.startswith("segments.")]
    embedding = [name for name in called[:first] if name not in folding]
    rows += [row for name in embedding for row in _rows_of(network, trace, name)]
    if trace.level is not None:
        width = trace.context.window.inputs.shape[2]
        axes = ("B", "T", "F" if width == inputs.shape[2] else "")
        rows.append(_plain("normalize", network.normalize, axes, (1, inputs.shape[1], width)))
    if trace.context.static is not None and network.segments is None:
        shape = tuple(trace.context.inputs.shape)
        rows.append(_plain("with static", "", ("B", "T", ""), shape))
    rows += [row for name in folding for row in _rows_of(network, trace, name)]
    before_decoder = [name for name in called[first:] if name.startswith("encoder.")]
    for name in [*uncalled, *before_decoder]:
        rows += _rows_of(network, trace, name)
    if trace.readout is not None and isinstance(network.decoder, DirectDecoder):
        name = next(key for key, value in READOUTS.items() if value is network.decoder.readout)
        letters = _letters(trace.layers[-1], network.encoder.directions)
        axis = {"all": f"T*{letters}", "state": "W"}.get(name, letters)
        rows.append(_plain("readout", name, ("B", axis), tuple(trace.readout.shape)))
    for name in called[first:]:
        if name not in before_decoder:
            rows += _rows_of(network, trace, name)
    if network.channels is not None:
        before = 1 + len(network.embedder.categories)
        rows[before:] = [_of_channels(row, network.sizes.targets) for row in rows[before:]]
    rows.append(_plain("forecast", "", ("B", "H", "C"), (1, sizes.horizon, sizes.targets)))
    return [_of_batch(row, batch_size) for row in rows]


def recurrent_weights(network: Forecaster, trace: Trace) -> list[Weight]:
    """Every tensor of every recurrent layer, by torch's name."""
    found = []
    for layer in trace.layers:
        stack = network.get_submodule(layer.module)
        gates = layer.gate_count
        tall = f"{gates}*U" if gates > 1 else "U"
        state = "P" if stack.proj_size else "U"
        is_first = layer.name in ("l0", "l0_reverse")
        plain = network.sizes.inputs == trace.context.inputs.shape[2]
        axes = {
            "weight_ih": (tall, "F" if is_first and plain else ""),
            "weight_hh": (tall, state),
            "bias_ih": (tall,),
            "bias_hh": (tall,),
            "weight_hr": ("P", "U"),
        }
        for kind, letters in axes.items():
            values = getattr(stack, kind + layer.suffix, None)
            if values is not None:
                name = f"{layer.module}.{kind}{layer.suffix}"
                found.append(Weight(name, tuple(values.shape), letters))
    return found


def _rows_of(network: Forecaster, trace: Trace, name: str) -> list[Row]:
    """The rows of one module that has parameters of its own: one, or one a recurrent layer."""
    module = network.get_submodule(name)
    if is_recurrent(module):
        return _recurrent_rows(module, [view for view in trace.layers if view.module == name])
    parameters = sum(values.numel() for values in module.parameters(recurse=False))
    calls = [call for call in trace.calls if call.name == name]
    if isinstance(module, CategoryTable):
        place = [one is module for one in network.embedder.tables].index(True)
        kind = f"embeds {network.embedder.categories[place].column}"
    else:
        kind = type(module).__name__
    if not calls or isinstance(module, SegmentsDecoder):
        what = OWN_PARAMETERS.get(name, kind)
        return [Row(name, what, (), (), 0, parameters, parameters, 0, 0)]
    shape = tuple(calls[0].output.shape)
    numbers = sum(call.output.numel() for call in calls)
    products = numbers * module.in_features if isinstance(module, nn.Linear) else None
    if isinstance(module, nn.Embedding | CategoryTable):
        products = 0
    return [
        Row(
            name=name,
            what=kind,
            axes=_axes(network, name, calls[0]),
            shape=shape,
            calls=len(calls),
            parameters=parameters,
            one_bias=parameters,
            multiply_adds=products,
            bytes=FLOAT_BYTES * numbers,
        )
    ]


def _recurrent_rows(stack: nn.Module, views: list[LayerView]) -> list[Row]:
    """One row a layer, both directions together."""
    rows = []
    for view in views:
        if view.steps.reverse:
            continue
        both = [other for other in views if other.steps.layer == view.steps.layer]
        names = [name for name, _ in stack.named_parameters()]
        own = [name for name in names if any(name.endswith(other.suffix) for other in both)]
        counts = {name: getattr(stack, name).numel() for name in own}
        second = sum(count for name, count in counts.items() if name.startswith("bias_hh"))
        parameters = sum(counts.values())
        width = sum(other.steps.h.shape[2] for other in both)
        decodes = view.fed == len(view.steps.steps)
        rows.append(
            Row(
                name=view.name,
                what=view.kind,
                axes=("B", view.time, _letters(view, len(both))),
                shape=(1, view.ran, width),
                calls=view.fed if decodes else 1 + view.fed,
                parameters=parameters,
                one_bias=parameters - (0 if view.steps.mode == "GRU" else second),
                multiply_adds=sum(_multiply_adds(other) for other in both),
                bytes=FLOAT_BYTES * view.ran * width,
            )
        )
    return rows


def _multiply_adds(view: LayerView) -> int:
    weights, projected = view.steps.weights, view.steps.weights.weight_hr
    return recurrent_multiply_adds(
        view.steps.mode,
        inputs=weights.weight_ih.shape[1],
        units=view.units,
        projection=0 if projected is None else projected.shape[0],
        steps=view.ran,
    )


def _letters(view: LayerView, directions: int) -> str:
    letter = "U" if view.steps.weights.weight_hr is None else "P"
    return f"{directions}*{letter}" if directions > 1 else letter


def _axes(network: Forecaster, name: str, call: Call) -> tuple[str, ...]:
    """Letters of what a module gave, as far as they are known."""
    shape, sizes = call.output.shape, network.sizes
    if ".bridges." in name:
        return ("L", "B", "U")
    axes = ["B", *([""] * (len(shape) - 1))]
    if len(shape) == 3 and shape[1] == sizes.lookback:
        axes[1] = "T"
    if name.startswith("decoder."):
        width = network.head.width
        many = "" if width == 1 else "*Q"
        ends = {sizes.targets * width: f"C{many}"}
        ends |= {sizes.horizon * sizes.targets * width: f"H*C{many}"}
        axes[-1] = ends.get(shape[-1], "")
    return tuple(axes)


def _plain(name: str, what: str, axes: tuple[str, ...], shape: tuple[int, ...]) -> Row:
    """A row without parameters, of one window."""
    numbers = 1
    for length in shape:
        numbers *= length
    return Row(name, what, axes, shape, 1, 0, 0, 0, FLOAT_BYTES * numbers)


def _of_channels(row: Row, targets: int) -> Row:
    """The row of one target's window for those of all targets."""
    if targets == 1 or "B" not in row.axes:
        return row
    lengths = zip(row.axes, row.shape, strict=True)
    return replace(
        row,
        axes=tuple("B*C" if letter == "B" else letter for letter in row.axes),
        shape=tuple(length * targets if letter == "B" else length for letter, length in lengths),
        multiply_adds=None if row.multiply_adds is None else row.multiply_adds * targets,
        bytes=row.bytes * targets,
    )


def _of_batch(row: Row, windows: int) -> Row:
    """The row of one window for a batch: shapes and bytes; multiply-adds stay those of one."""
    lengths = zip(row.axes, row.shape, strict=True)
    shape = tuple(length * windows if letter[:1] == "B" else length for letter, length in lengths)
    return replace(row, shape=shape, bytes=row.bytes * windows)
