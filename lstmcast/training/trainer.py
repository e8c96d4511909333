"""The training loop: step, validate, keep the best, stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lstmcast.config import TrainingConfig
from lstmcast.errors import Diverged
from lstmcast.network.forecaster import Forecaster
from lstmcast.series.batches import Batches
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
    stopped_by: str = "max_epochs"


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
        epochs: Stop after this many, whatever the limits say; the learning rates stay those of the
            full plan.

    Raises:
        Diverged: The loss is not a number, or ran away.
    """
    optimizer = build_optimizer(config, network.parameters())
    schedule = Schedule(config, len(train))
    guard = LossGuard(config)
    deadline = (
        math.inf if config.max_minutes is None else time.monotonic() + 60 * config.max_minutes
    )
    fit = Fit()
    best_loss, best_weights, step = math.inf, None, 0
    for number in range(1, (epochs or config.max_epochs) + 1):
        began = time.monotonic()
        network.train()
        total, count = torch.zeros((), device=train.table.device), 0
        windows = 0
        for done, batch in enumerate(train.epoch(number), start=1):
            rate = schedule.rate(step)
            loss = _step(
                network, optimizer, batch_loss=network.loss(batch), rate=rate, clip=config.clip_norm
            )
            total, count = total + loss * len(batch), count + len(batch)
            windows += len(batch)
            step += 1
            if step % CHECK_EVERY == 0 or step == 1:
                guard.look(float(loss), number, step)
                speed = _speed(windows, time.monotonic() - began)
                watch(Progress(number, done, len(train), speed))
            if step == config.max_steps:
                fit.stopped_by = "max_steps"
                break
            if time.monotonic() > deadline:
                fit.stopped_by = "max_minutes"
                break
        train_loss = float(total) / count
        guard.look(train_loss, number, step)
        validation_loss = None if validation is None else mean_loss(network, validation)
        judged = train_loss if validation_loss is None else validation_loss
        if not math.isfinite(judged):  # high is no fault: these rows may lie far from train's
            guard.look(judged, number, step)
        schedule.epoch_done(judged)
        better = validation_loss is None or judged < best_loss
        if better:
            best_loss, fit.best_epoch = judged, number
            best_weights = {name: value.clone() for name, value in network.state_dict().items()}
        record = Epoch(
            number, step, rate, train_loss, validation_loss, time.monotonic() - began, better
        )
        fit.history.append(record)
        watch(Progress(number, done, len(train), _speed(windows, record.seconds), record))
        if fit.stopped_by != "max_epochs":
            break
        if config.patience is not None and number - fit.best_epoch >= config.patience:
            fit.stopped_by = "patience"
            break
    assert best_weights is not None, "a finite loss has a best epoch"
    network.load_state_dict(best_weights)
    return fit


def _speed(windows: int, seconds: float) -> float:
    """Windows per second; a coarse clock may not have ticked since the epoch began."""
    return windows / max(seconds, 1e-3)


def _step(
    network: Forecaster,
    optimizer: torch.optim.Optimizer,
    batch_loss: tuple[Tensor, Tensor],
    rate: float,
    clip: float | None,
) -> Tensor:
    """One optimizer step; returns the batch's mean loss, still on its device."""
    total, count = batch_loss
    loss = total / count.clamp(min=1)  # a batch may have no observed target at all
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    if clip is not None:
        torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    return loss.detach()


@torch.inference_mode()
def mean_loss(network: Forecaster, batches: Batches) -> float:
    """Mean loss over all observed targets of all windows, in scaled units."""
    network.eval()
    sums = [
        torch.stack([part.float() for part in network.loss(batch)]) for batch in batches.epoch()
    ]
    total, count = torch.stack(sums).cpu().double().sum(dim=0).tolist()
    return float(total / max(count, 1.0))


class LossGuard:
    """Stops a training that has run away.

    Args:
        config: For the advice in the message.
    """

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config
        self.first: float | None = None

    def look(self, loss: float, epoch: int, step: int) -> None:
        """Look at a loss.

        Raises:
            Diverged: It is not a number, or a thousand times that of the first step.
        """
        if self.first is None and math.isfinite(loss):
            self.first = max(loss, 1e-3)
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
