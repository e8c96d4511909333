"""The training loop: step, validate, keep the best, stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from lstmcast.config import TrainingConfig
from lstmcast.errors import Diverged
from lstmcast.network.forecaster import Forecaster
from lstmcast.series.batches import Batch, Batches
from lstmcast.training.optimizers import Schedule, build_optimizer

CHECK_EVERY = 50
"""Steps between looks at the loss, each of which waits for the device."""

EXPLODED = 1e3
"""A loss this many times that of the first steps has run away."""


@dataclass(frozen=True)
class Epoch:
    """A row of history.csv.

    Attributes:
        epoch: Counted from 1.
        steps: Optimizer steps so far.
        learning_rate: Of the epoch's last step.
        train_loss: Mean over the epoch, in scaled units, weights moving.
        validation_loss: Mean after the epoch, in scaled units; None without validation rows.
        seconds: Of the epoch, validation included.
        best: Whether its weights are the best so far.
    """

    epoch: int
    steps: int
    learning_rate: float
    train_loss: float
    validation_loss: float | None
    seconds: float
    best: bool


@dataclass(frozen=True)
class Progress:
    """Where training stands, for whoever watches.

    Attributes:
        epoch: Now running, from 1.
        step: Steps done in this epoch.
        steps: Steps in an epoch.
        windows_per_second: Of this epoch.
        finished: The epoch that has just ended; None in its midst.
    """

    epoch: int
    step: int
    steps: int
    windows_per_second: float
    finished: Epoch | None = None


Watch = Callable[[Progress], None]


@dataclass
class Fit:
    """How training went.

    Attributes:
        history: An entry per epoch.
        best_epoch: Whose weights the network now has.
        stopped_by: `patience`, `max_epochs`, `max_steps` or `max_minutes`.
    """

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    stopped_by: str = ""


def fit_network(
    network: Forecaster,
    train: Batches,
    validation: Batches | None,
    config: TrainingConfig,
    watch: Watch = lambda progress: None,
    epochs: int | None = None,
) -> Fit:
    """Train a network in place and leave it with its best weights.

    The best epoch has the lowest validation loss; without validation windows it is the last.

    Args:
        network: On the device of the batches.
        train: Shuffled training windows.
        validation: Windows to judge each epoch by.
        config: Losses, rates and limits.
        watch: Called every few steps and after every epoch.
        epochs: Train for just so many, whatever minutes and patience say; the learning rates stay
            those of the full plan.

    Raises:
        Diverged: The loss is not a number, or ran away.
    """
    stepper = Stepper(network, config, len(train), untimed=epochs is not None)
    fit = Fit()
    best_loss, best_weights = math.inf, network.state_dict()
    for number in range(1, (epochs or config.max_epochs) + 1):
        began = time.monotonic()
        train_loss, progress = _run_epoch(stepper, train, number, watch)
        validation_loss = None if validation is None else mean_loss(network, validation)
        judged = train_loss if validation_loss is None else validation_loss
        if not math.isfinite(judged):  # high is no fault: these rows may lie far from train's
            stepper.guard.look(judged, number, stepper.steps)
        stepper.schedule.epoch_done(judged)
        better = validation_loss is None or judged < best_loss
        if better:
            best_loss, fit.best_epoch = judged, number
            best_weights = {name: value.clone() for name, value in network.state_dict().items()}
        seconds = time.monotonic() - began
        fit.history.append(
            Epoch(number, stepper.steps, stepper.rate, train_loss, validation_loss, seconds, better)
        )
        watch(replace(progress, finished=fit.history[-1]))
        waited = number - fit.best_epoch
        if epochs is None and config.patience is not None and waited >= config.patience:
            stepper.stopped_by = stepper.stopped_by or "patience"
        if stepper.stopped_by:
            break
    network.load_state_dict(best_weights)
    network.eval()
    fit.stopped_by = stepper.stopped_by or "max_epochs"
    return fit


def _run_epoch(
    stepper: Stepper, train: Batches, number: int, watch: Watch
) -> tuple[float, Progress]:
    """Visit all windows once, or until a limit; returns the mean loss and how far it came."""
    began = time.monotonic()
    stepper.network.train()
    sums, windows = [], 0
    progress = Progress(number, 0, len(train), 0.0)
    for done, batch in enumerate(train.epoch(number), start=1):
        sums.append(stepper.step(batch))
        windows += len(batch)
        speed = windows / max(time.monotonic() - began, 1e-3)  # a coarse clock may not have ticked
        progress = Progress(number, done, len(train), speed)
        if stepper.steps % CHECK_EVERY == 0 or stepper.steps == 1:
            stepper.guard.look(_mean(sums[-1:]), number, stepper.steps)
            watch(progress)
        if stepper.stopped_by:
            break
    loss = _mean(sums)
    stepper.guard.look(loss, number, stepper.steps)
    return loss, progress


class Stepper:
    """Optimizer steps, their learning rates, and the limits that end them.

    Args:
        network: To be trained.
        config: Optimizer, rates, limits.
        steps_per_epoch: Batches in an epoch.
        untimed: Whether there is no limit of minutes.
    """

    def __init__(
        self, network: Forecaster, config: TrainingConfig, steps_per_epoch: int, untimed: bool
    ) -> None:
        self.network = network
        self.optimizer = build_optimizer(config, network.parameters())
        self.schedule = Schedule(config, steps_per_epoch)
        self.guard = LossGuard(config, network.head.smallest_loss)
        self.clip_norm = config.clip_norm
        self.max_steps = config.max_steps
        minutes = math.inf if untimed or config.max_minutes is None else config.max_minutes
        self.deadline = time.monotonic() + 60 * minutes
        self.steps = 0
        self.rate = 0.0
        self.stopped_by = ""

    def step(self, batch: Batch) -> Tensor:
        """One optimizer step; returns the sum of the batch's losses and their number, (2,)."""
        total, count = self.network.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(total / count.clamp(min=1))  # perhaps no target was observed
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        self.rate = self.schedule.rate(self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.optimizer.step()
        self.steps += 1
        if self.steps == self.max_steps:
            self.stopped_by = "max_steps"
        elif time.monotonic() > self.deadline:
            self.stopped_by = "max_minutes"
        return torch.stack([total.detach().float(), count.float()])


def _mean(sums: list[Tensor]) -> float:
    """Mean loss of batches, each given as the sum of its losses and their number."""
    total, count = torch.stack(sums).cpu().double().sum(dim=0).tolist()
    return float(total / max(count, 1.0))


@torch.inference_mode()
def mean_loss(network: Forecaster, batches: Batches) -> float:
    """Mean loss over all observed targets of all windows, in scaled units."""
    network.eval()
    return _mean(
        [torch.stack([part.float() for part in network.loss(batch)]) for batch in batches.epoch()]
    )


class LossGuard:
    """Stops a training that has run away.

    Args:
        config: For the advice in the message.
        smallest: A first loss below is taken for this.
    """

    def __init__(self, config: TrainingConfig, smallest: float = 1e-3) -> None:
        self.config = config
        self.smallest = smallest
        self.first: float | None = None

    def look(self, loss: float, epoch: int, step: int) -> None:
        """Look at a loss.

        Raises:
            Diverged: It is not a number, or a thousand times that of the first step.
        """
        if self.first is None and math.isfinite(loss):
            self.first = max(loss, self.smallest)
        if math.isfinite(loss) and self.first is not None and loss <= EXPLODED * self.first:
            return
        what = f"{loss:.3g}, from {self.first:.3g} at the first step" if self.first else f"{loss}"
        clip = (
            "set training.clip_norm: 1.0"
            if self.config.clip_norm is None
            else f"lower training.clip_norm (now {self.config.clip_norm:g})"
        )
        raise Diverged(
            f"training diverged in epoch {epoch}, step {step}: the loss is {what}. Lower "
            f"training.learning_rate (now {self.config.learning_rate:g}), {clip}, or see whether "
            "the data has values far outside the rest (scale.method: robust)"
        )
