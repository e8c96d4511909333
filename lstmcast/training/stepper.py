"""Single optimizer steps: learning rates, limits, and the guard against divergence."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from lstmcast.config import TrainingConfig
from lstmcast.errors import Diverged
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.sharded_random import Shard, sharded
from lstmcast.parallel import ALONE, Ranks
from lstmcast.training.distributed import Loss, shared_loss
from lstmcast.training.running_loss import Sums, as_numbers
from lstmcast.training.schedule import Schedule, build_optimizer
from lstmcast.training.weight_ema import WeightEMA
from lstmcast.windows.batches import Batch

EXPLODED = 1e3
"""A loss this many times the first loss has diverged."""


class Stepper:
    """Optimizer steps, their learning rates, and the limits that end them.

    Args:
        network: Network to train.
        config: Optimizer, rates, limits.
        steps_per_epoch: Batches in an epoch.
        untimed: Whether to ignore `training.max_minutes`.
        ranks: Ranks that share every batch.
    """

    def __init__(
        self,
        network: Forecaster,
        config: TrainingConfig,
        steps_per_epoch: int,
        untimed: bool,
        ranks: Ranks = ALONE,
    ) -> None:
        self.network = network
        self.ranks = ranks
        self.loss: Loss = network.loss if ranks.alone else shared_loss(network)
        self.optimizer = build_optimizer(config, network.parameters())
        self.schedule = Schedule(config, steps_per_epoch)
        self.weight_ema = WeightEMA(list(network.parameters()), config.average)
        self.guard = LossGuard(config, network.head.smallest_loss)
        self.clip_norm = config.clip_norm
        self.max_steps = config.max_steps
        minutes = math.inf if untimed or config.max_minutes is None else config.max_minutes
        self.max_seconds = 60 * minutes
        self.began = time.monotonic()
        self.steps = 0
        self.rate = 0.0
        self.stopped_by = ""

    def step(self, batch: Batch, windows: int | None = None) -> Sums:
        """One optimizer step; returns the sum of the batch's losses and their number.

        Args:
            batch: This rank's share of the batch.
            windows: Windows in all shares together; None: as many as in this share.
        """
        with self.sharded(len(batch) if windows is None else windows):
            loss, sums = self.forward(batch)
        self.optimizer.clear()
        torch.autograd.backward(loss)
        self.rate = self.schedule.rate(self.steps)
        self.optimizer.step(self.rate, self.clip_norm)
        self.steps += 1
        self.weight_ema.add(self.steps)
        if self.steps == self.max_steps:
            self.stopped_by = "max_steps"
        elif self.out_of_time():
            self.stopped_by = "max_minutes"
        return sums

    def forward(self, batch: Batch) -> tuple[Tensor, Sums]:
        """The mean loss of a batch over all shares, and the sum and number behind the mean."""
        total, count = self.loss(batch)
        sums: Sums = (total.detach(), count)
        if not self.ranks.alone:  # gradients become their mean over the ranks
            sums = self.ranks.all_reduce(as_numbers([sums]))[0].unbind()
            total, count = total * self.ranks.count, sums[1]
        if isinstance(count, Tensor):
            count = count.clamp(min=1)  # it is 0 if all targets are missing
        return total / count, sums

    def sharded(self, windows: int) -> AbstractContextManager[None]:
        """Random draws, such as dropout, belong to this rank's share of a batch."""
        if self.ranks.alone:
            return nullcontext()
        share = self.ranks.share(windows)
        return sharded(Shard(share.start, share.stop, windows))

    def out_of_time(self) -> bool:
        """Whether the time limit is reached, by the clock of rank 0."""
        if math.isinf(self.max_seconds):
            return False
        return bool(self.ranks.max(self.ranks.first and self.seconds() > self.max_seconds))

    def seconds(self) -> float:
        """Seconds of training so far, without the time between interruption and resume."""
        return time.monotonic() - self.began

    def values(self) -> dict[str, Any]:
        """State that the next step needs, without the optimizer's state, as JSON."""
        return {
            "steps": self.steps,
            "rate": self.rate,
            "stopped_by": self.stopped_by,
            "seconds": self.seconds(),
            "first_loss": self.guard.first,
            "plateau": self.schedule.values(),
        }

    def restore(self, values: dict[str, Any]) -> None:
        """Restore the state that `values` returned."""
        self.steps, self.rate = values["steps"], values["rate"]
        self.stopped_by = values["stopped_by"]
        self.began = time.monotonic() - values["seconds"]
        self.guard.first = values["first_loss"]
        self.schedule.restore(values["plateau"])


class LossGuard:
    """Stops a training that diverges.

    Args:
        config: Values for the advice in the message.
        smallest: Smallest value of the first loss to compare with.
    """

    def __init__(self, config: TrainingConfig, smallest: float = 1e-3) -> None:
        self.config = config
        self.smallest = smallest
        self.first: float | None = None

    def look(self, loss: float, epoch: int, step: int) -> None:
        """Check a loss.

        Raises:
            Diverged: The loss is not finite, or over a thousand times the first loss.
        """
        if self.first is None and math.isfinite(loss):
            self.first = max(loss, self.smallest)
        if math.isfinite(loss) and self.first is not None and loss <= EXPLODED * self.first:
            return
        what = f"{loss:.3g} (first step: {self.first:.3g})" if self.first else f"{loss}"
        clip = (
            "set training.clip_norm: 1.0"
            if self.config.clip_norm is None
            else f"lower training.clip_norm (now {self.config.clip_norm:g})"
        )
        raise Diverged(
            f"training diverged in epoch {epoch}, step {step}: the loss is {what}. Lower "
            f"training.learning_rate (now {self.config.learning_rate:g}), {clip}, or check the "
            "data for outliers (scale.method: robust)"
        )
