"""Training steps of `lstmcast` beside a plain loop of torch: `python benchmarks/steps.py`.

Both train the same network (nn.LSTM, a linear map of its last output, mean absolute error, AdamW,
clipped gradients) on the same random windows; the plain one as one writes it by hand, ours by the
loop of `train`, with all that the process is set to. Each figure is of a process of its own, taking
turns, in milliseconds for a step, by the clock and of the processor. The last column is the share
of our loop's clock outside forward, backward and optimizer.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

CASES = {
    "A": {"windows": 32, "lookback": 96, "units": 64, "layers": 1},
    "C": {"windows": 128, "lookback": 48, "units": 64, "layers": 1},
    "B": {"windows": 256, "lookback": 168, "units": 128, "layers": 2},
    "large": {"windows": 1024, "lookback": 96, "units": 64, "layers": 1},
}
HORIZON, ROWS = 24, 20_000


def plain(case: dict[str, int]) -> Callable[[], object]:
    """A step as one writes it by hand."""
    import torch
    from torch import nn

    class Network(nn.Module):
        """nn.LSTM and a linear map of its last output."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(1, case["units"], case["layers"], batch_first=True)
            self.linear = nn.Linear(case["units"], HORIZON)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            """(B, T, 1) -> (B, H)."""
            return self.linear(self.lstm(inputs)[0][:, -1])

    torch.manual_seed(0)
    network, lookback = Network(), case["lookback"]
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.0)
    windows = torch.randn(ROWS).unfold(0, lookback + HORIZON, 1)

    def step() -> None:
        block = windows[torch.randint(len(windows), (case["windows"],))]
        forecast = network(block[:, :lookback, None])
        loss = nn.functional.l1_loss(forecast, block[:, lookback:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    return step


def ours(case: dict[str, int], precision: str) -> tuple[Callable[[int], None], dict[str, float]]:
    """So many steps of an epoch as `train` takes them; told are the seconds of their parts."""
    import torch
    from gather import make_table

    from lstmcast.config import NetworkConfig, TrainingConfig
    from lstmcast.network.forecaster import build_forecaster
    from lstmcast.network.precision import choose_precision, use_precision
    from lstmcast.network.sizes import Sizes
    from lstmcast.network.threads import use_threads
    from lstmcast.training.process_tuning import fast_training_process
    from lstmcast.training.signals import HeldSignals
    from lstmcast.training.stepper import Stepper
    from lstmcast.training.trainer import run_epoch
    from lstmcast.training.training_state import StateSaver, TrainingState
    from lstmcast.windows.batches import Batches

    table, index = make_table(ROWS, 1, case["lookback"], HORIZON)
    config = NetworkConfig(units=[case["units"]] * case["layers"])
    sizes = Sizes(case["lookback"], HORIZON, inputs=1, targets=1)
    network = build_forecaster(config, sizes, "mae", seed=0)
    use_precision(network, choose_precision(precision, config, torch.device("cpu")))
    training = TrainingConfig(schedule="constant", batch_size=case["windows"])
    use_threads(config, training, pad=False)
    stepper = Stepper(network, training, 1000, untimed=True)
    keeper = StateSaver(None, stepper, HeldSignals(False))
    batches = Batches(table, index, case["windows"], seed=0)
    tuned = fast_training_process()
    tuned.__enter__()  # for as long as this process lives
    shares: dict[str, float] = {}
    for owner, name in (
        (stepper, "forward"),
        (torch.autograd, "backward"),
        (stepper.optimizer, "clear"),
        (stepper.optimizer, "step"),
    ):
        setattr(owner, name, _timed(getattr(owner, name), shares))

    def run(steps: int, tuned: object = tuned) -> None:  # holds on to it: it ends with its owner
        stepper.max_steps = stepper.steps + steps
        while stepper.steps < stepper.max_steps:
            stepper.stopped_by = ""
            run_epoch(stepper, TrainingState(), batches, keeper, lambda progress: None)

    return run, shares


def _timed(call: Callable[..., Any], shares: dict[str, float]) -> Callable[..., Any]:
    def timed(*given: Any, **named: Any) -> Any:
        began = time.perf_counter()
        result = call(*given, **named)
        shares["inside"] = shares.get("inside", 0.0) + time.perf_counter() - began
        return result

    return timed


def repeated(step: Callable[[], object]) -> Callable[[int], None]:
    """So many of a step."""

    def run(steps: int) -> None:
        for _ in range(steps):
            step()

    return run


def measure(name: str, who: str, steps: int) -> dict[str, float]:
    """Milliseconds and page faults of a step, and the share outside its three parts."""
    shares: dict[str, float] = {}
    if who == "plain":
        run = repeated(plain(CASES[name]))
    else:
        run, shares = ours(CASES[name], who)
    run(2)
    shares.clear()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    began, began_cpu = time.perf_counter(), time.process_time()
    run(steps)
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    outside = 1 - shares["inside"] / seconds if shares else 0.0
    return {
        "ms": 1000 * seconds / steps,
        "cpu": 1000 * cpu / steps,
        "faults": faults / steps,
        "outside": outside,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", default=list(CASES), help=", ".join(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="about, for each figure")
    parser.add_argument("--precision", nargs="*", default=["float32"])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, who, steps = options.one
        print(json.dumps(measure(name, who, int(steps))))
        return
    print("| case | step by | ms | cpu ms | page faults | plain / it | cpu plain / it | outside |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.cases:
        case = CASES[name]
        work = case["windows"] * case["lookback"] * case["units"] ** 2 * case["layers"]
        steps = max(3, int(options.seconds / (work * 8e-10)))
        found: dict[str, list[dict[str, float]]] = {"plain": []}
        for _ in range(options.rounds):
            for who in ("plain", *options.precision):
                command = [sys.executable, __file__, "--one", name, who, str(steps)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found.setdefault(who, []).append(json.loads(done.stdout))
        for who, all_of_it in found.items():
            middle = {key: median(each[key] for each in all_of_it) for key in all_of_it[0]}
            pairs = list(zip(found["plain"], all_of_it, strict=True))
            ratio, cpu = (median(a[key] / b[key] for a, b in pairs) for key in ("ms", "cpu"))
            outside = f"{100 * middle['outside']:.1f} %" if who != "plain" else ""
            by = who if who == "plain" else f"lstmcast {who}"
            print(
                f"| {name} | {by} | {middle['ms']:.1f} | {middle['cpu']:.1f} "
                f"| {middle['faults']:,.0f} | {ratio:.2f} | {cpu:.2f} | {outside} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
