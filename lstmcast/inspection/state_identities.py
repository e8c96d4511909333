"""Which slices of a network's outputs and states are the same numbers.

Tutorials that put time first write the last step of all windows `out[-1]`; here batches come first,
(B, T, U), and it is `out[:, -1]`. Both ways of writing are given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from lstmcast.inspection.tolerance import agrees, compared
from lstmcast.inspection.trace import Trace
from lstmcast.network.decoders import RecursiveDecoder, Seq2SeqDecoder
from lstmcast.network.forecaster import Forecaster


@dataclass(frozen=True)
class Equality:
    """Two slices, and how far they are apart.

    Attributes:
        here: The claim with batches first.
        time_first: The same as time-first tutorials write it; empty where there is no difference.
        why: One sentence.
        expected: Whether they must be the same in every window.
        difference: The largest between two of their numbers.
        size: The largest of their numbers, regardless of sign.
    """

    here: str
    time_first: str
    why: str
    expected: bool
    difference: float
    size: float

    @property
    def same(self) -> bool:
        """Whether they are the same numbers here, as measured."""
        return agrees(self.difference, self.size)

    @property
    def holds(self) -> bool:
        """Whether they are the same if they must be; others may be equal at random."""
        return self.same or not self.expected


def state_identities(network: Forecaster, trace: Trace) -> list[Equality]:
    """What holds between the outputs and the final states of this window."""
    return list(_of_encoder(network, trace)) + list(_of_decoder(network, trace))


def _of_encoder(network: Forecaster, trace: Trace) -> Iterator[Equality]:
    out = trace.context.encoding.outputs  # (1, T, D * U)
    final = trace.context.encoding.states[-1]
    h = final[0] if isinstance(final, tuple) else final  # (L * D, 1, U)
    if network.encoder.directions == 1:
        yield Equality(
            "out[:, -1] == h[-1]",
            "out[-1] == h[-1]",
            "The last output is the last layer's final h.",
            True,
            *_measured([(out[:, -1], h[-1])]),
        )
        return
    units = h.shape[2]
    begin = next(view.padded for view in trace.layers if view.steps.reverse)
    yield Equality(
        f"out[:, -1, :{units}] == h[-2]",
        f"out[-1][:, :{units}] == h[-2]",
        "The forward half ends at the last step.",
        True,
        *_measured([(out[:, -1, :units], h[-2])]),
    )
    yield Equality(
        f"out[:, {begin}, {units}:] == h[-1]",
        f"out[{begin}][:, {units}:] == h[-1]",
        "The reverse half runs backwards and ends at the first step.",
        True,
        *_measured([(out[:, begin, units:], h[-1])]),
    )
    if out.shape[1] - begin > 1:
        yield Equality(
            f"out[:, -1, {units}:] != h[-1]",
            f"out[-1][:, {units}:] != h[-1]",
            "At the last step the reverse half has read only one row.",
            False,
            *_measured([(out[:, -1, units:], h[-1])]),
        )


def _of_decoder(network: Forecaster, trace: Trace) -> Iterator[Equality]:
    layers = {view.name: view for view in trace.layers}
    decoder = network.decoder
    if isinstance(decoder, Seq2SeqDecoder) and not decoder.bridges:
        pairs = [
            (layers[name.removeprefix("decoder.")].steps.final, view.steps.start)
            for name, view in layers.items()
            if name.startswith("decoder.")
        ]
        state = "h and c" if trace.layers[0].kind == "LSTM" else "h"
        yield Equality(
            f"the decoder's first {state} == the encoder's final {state}",
            "",
            "The encoder passes its memory to the decoder this way.",
            True,
            *_measured([part for final, start in pairs for part in _parts(final, start)]),
        )
    if isinstance(decoder, RecursiveDecoder) and trace.layers[0].fed:
        view = trace.layers[-1]
        first = view.window_steps
        encoded = trace.context.encoding.outputs[:, -1]
        yield Equality(
            f"h before step {first + view.padded} == out[:, -1]",
            f"h before step {first + view.padded} == out[-1]",
            "Fed-back forecasts continue from the window's last state.",
            True,
            *_measured([(view.steps.before(first)[0], encoded)]),
        )


def _parts(
    one: tuple[Tensor, Tensor | None], other: tuple[Tensor, Tensor | None]
) -> Iterator[tuple[Tensor, Tensor]]:
    """The pair of h, and the pair of c if there is one."""
    yield one[0], other[0]
    if one[1] is not None and other[1] is not None:
        yield one[1], other[1]


def _measured(pairs: list[tuple[Tensor, Tensor]]) -> tuple[float, float]:
    """Difference and size."""
    check = compared("two slices", pairs)
    return check.difference, check.size
