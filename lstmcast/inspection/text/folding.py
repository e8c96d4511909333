"""How independent channels and segments change a window before the first layer reads it."""

from __future__ import annotations

from lstmcast.errors import counted
from lstmcast.inspection.result import InspectionResult, WindowTrace
from lstmcast.inspection.text.text import cut
from lstmcast.network.segments import SegmentEmbedding


def apart(found: InspectionResult) -> bool:
    """Whether the network reads several targets one by one."""
    return found.config.network.channels == "independent" and found.sizes.targets > 1


def read_columns(found: InspectionResult, traced: WindowTrace) -> list[str]:
    """Columns that the layers read; of independent targets, only the first."""
    names = [column.name for column in traced.columns]
    return [names[0], *names[found.sizes.targets :]] if apart(found) else names


def channel_words(found: InspectionResult, traced: WindowTrace) -> str:
    """How one network reads all targets."""
    return (
        f"The same network reads the {found.sizes.targets} targets one by one, each with a learned "
        "vector that identifies it. From here on, this page follows the first, "
        f"{cut(traced.columns[0].name, 20)}."
    )


def folds(traced: WindowTrace) -> bool:
    """Whether the steps are folded into segments."""
    return any(isinstance(call.module, SegmentEmbedding) for call in traced.trace.calls)


def segments_of(traced: WindowTrace) -> list[list[float]]:
    """(T // s, E) the embedded segments."""
    call = next(c for c in traced.trace.calls if isinstance(c.module, SegmentEmbedding))
    values: list[list[float]] = call.output[0].tolist()
    return values


def segment_words(traced: WindowTrace) -> str:
    """How steps become segments."""
    call = next(c for c in traced.trace.calls if isinstance(c.module, SegmentEmbedding))
    module, steps = call.module, call.inputs[0].shape[1]
    assert isinstance(module, SegmentEmbedding)
    count, width = call.output.shape[1:]
    left = steps - count * module.length
    says = (
        f"A linear layer with ReLU maps each segment of {counted(module.length, 'step')} to "
        f"{width} numbers. The first layer reads {counted(count, 'segment')}, and t counts these: "
        f"(T/s, E) = ({count}, {width})."
    )
    return says + (f" The oldest {counted(left, 'step')} are left out." if left else "")
