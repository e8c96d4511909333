"""Cheap guards of speed that count and never time: operations, page faults, modules."""

import collections
import platform
from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.daily import daily_text
from support.processes import run_python
from support.steps import make_batch, make_stepper
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from lstmcast.network.kernel.load import library


class Counted(TorchDispatchMode):
    """Counts the operations that torch carries out, those that only look at memory left out."""

    VIEWS = ("view", "t", "transpose", "slice", "select", "expand", "unsqueeze", "squeeze",
             "detach", "alias", "as_strided", "permute", "split", "chunk", "unbind")  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.counts: collections.Counter[str] = collections.Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name not in self.VIEWS:
            self.counts[name] += 1
        return func(*args, **(kwargs or {}))


def operations(step: Callable[[], object]) -> collections.Counter[str]:
    """Those of a training step that is not the first."""
    step()
    with Counted() as counted:
        step()
    return counted.counts


def operations_of_ours(lookback: int, **network: Any) -> collections.Counter[str]:
    stepper, batch = make_stepper(lookback, 4, **network), make_batch(6, lookback, 4)
    return operations(lambda: stepper.step(batch))


def operations_by_hand(lookback: int, layers: int) -> collections.Counter[str]:
    """Of the same step as one writes it with torch alone."""
    lstm, linear = nn.LSTM(1, 8, layers, batch_first=True), nn.Linear(8, 4)
    weights = [*lstm.parameters(), *linear.parameters()]
    optimizer = torch.optim.AdamW(weights)
    inputs, targets = torch.randn(6, lookback, 1), torch.randn(6, 4)

    def step() -> None:
        loss = nn.functional.l1_loss(linear(lstm(inputs)[0][:, -1]), targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()

    return operations(step)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_training_step_takes_less_than_half_the_operations_of_one_by_hand(layers: int) -> None:
    ours, by_hand = operations_of_ours(12, units=[8] * layers), operations_by_hand(12, layers)
    assert ours.total() < by_hand.total() / 2, ours.most_common()


@pytest.mark.skipif(library() is None, reason="torch's GRU goes step by step")
@pytest.mark.parametrize(
    "network",
    [
        {"units": [8]},
        {"units": [8, 8]},
        {"units": [8, 6], "dropout": 0.1, "normalize": "last"},
        {"units": [8], "cell": "gru", "bidirectional": True},
    ],
    ids=str,
)
def test_a_longer_lookback_takes_no_more_operations(network: dict[str, Any]) -> None:
    assert operations_of_ours(96, **network) == operations_of_ours(12, **network)


FAULTS = """
import resource
import torch
from support.steps import make_batch, make_stepper
from lstmcast.training.process_tuning import fast_training_process

torch.set_num_threads(1)
stepper, batch = make_stepper(48, 4, units=[32]), make_batch(2048, 48, 4)

def fewest():
    found = []
    for _ in range(8):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        stepper.step(batch)
        found.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return min(found)

before = fewest()
with fast_training_process():
    within = fewest()
print(before, within, fewest())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="memory is kept on glibc alone")
def test_a_training_step_keeps_its_memory() -> None:
    before, within, behind = map(int, run_python(FAULTS).split())
    assert before > 2000, "each step gives its memory back by itself: the next line means something"
    assert within < 200
    assert behind < 1.2 * before, "and what comes after a training is no worse off than before it"


def test_training_and_forecasting_load_neither_a_compiler_nor_what_it_needs(tmp_path: Any) -> None:
    table = tmp_path / "daily.csv"
    table.write_text(daily_text())
    code = f"""
import sys
from lstmcast.cli.main import main
small = ["-s", "window.lookback=7", "-s", "network.units=4", "-s", "training.max_epochs=1"]
for arguments in (
    ["train", {str(table)!r}, "--run", {str(tmp_path / "run")!r}, "-q", *small],
    ["predict", {str(tmp_path / "run")!r}, "-q", "-o", {str(tmp_path / "f.csv")!r}],
):
    sys.argv = ["lstmcast", *arguments]
    try:
        main()
    except SystemExit as stopped:
        assert not stopped.code, stopped.code
print(*sys.modules)
"""
    loaded = set(run_python(code).split())
    assert "torch" in loaded
    assert not loaded & {"torch._dynamo", "torch._inductor", "sympy", "scipy", "sklearn"}
    assert not loaded & {"torch._prims", "torch._refs", "torch._decomp"}, "see light_torch.py"
