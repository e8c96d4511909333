"""The optimizer of a training, and its learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from torch import nn

from lstmcast.config import TrainingConfig
from lstmcast.training.optimizers import OPTIMIZERS, Optimizer


def build_optimizer(config: TrainingConfig, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """The optimizer that `training.optimizer` names."""
    return OPTIMIZERS[config.optimizer](parameters, config.weight_decay)


RISING = 0.3
"""Share of all steps in which `one_cycle` rises."""
LOWEST = 1 / 25
"""First rate of `one_cycle`, as a share of the highest rate."""


def one_cycle(done: float) -> float:
    """Share of the highest rate after a share `done` of the training."""
    if done < RISING:
        return LOWEST + (1 - LOWEST) * 0.5 * (1 - math.cos(math.pi * done / RISING))
    return 0.5 * (1 + math.cos(math.pi * min((done - RISING) / (1 - RISING), 1.0)))


class Schedule:
    """Learning rate of every step.

    Warm-up rises linearly from 1/n to the full rate over `warmup_steps` steps. After it, `constant`
    stays; `cosine` falls to 0 at the last step that the limits allow; `one_cycle` rises as half a
    cosine from 1/25 of the rate over the first 30 % of the steps, and falls as half a cosine to 0
    (Smith 2018, arXiv:1803.09820); `step` multiplies by `decay` every `decay_every` epochs, after
    the first `decay_after`; `plateau` multiplies by `decay` after `decay_every` epochs without a
    better validation loss.

    Args:
        config: Rate, shape and limits.
        steps_per_epoch: Optimizer steps in an epoch.
    """

    def __init__(self, config: TrainingConfig, steps_per_epoch: int) -> None:
        self.config = config
        self.steps_per_epoch = steps_per_epoch
        self.total = config.max_epochs * steps_per_epoch
        if config.max_steps is not None:
            self.total = min(self.total, config.max_steps)
        self.factor = 1.0
        self.best = math.inf
        self.waited = 0

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        warmup = self.config.warmup_steps
        if step < warmup:
            return self.config.learning_rate * (step + 1) / warmup
        factor = self.factor
        if self.config.schedule == "cosine":
            done = (step - warmup) / max(self.total - warmup, 1)
            factor = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        elif self.config.schedule == "one_cycle":
            factor = one_cycle((step - warmup + 1) / max(self.total - warmup, 1))
        elif self.config.schedule == "step":
            epochs = max(0, step // self.steps_per_epoch - self.config.decay_after)
            factor = self.config.decay ** (epochs // self.config.decay_every)
        return self.config.learning_rate * factor

    def epoch_done(self, loss: float) -> None:
        """Receive the loss of an epoch; only `plateau` uses it."""
        if self.config.schedule != "plateau":
            return
        if loss < self.best:
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited >= self.config.decay_every:
            self.factor *= self.config.decay
            self.waited = 0

    def values(self) -> dict[str, float | None]:
        """State of `plateau`, as JSON (which has no infinity)."""
        best = None if math.isinf(self.best) else self.best
        return {"factor": self.factor, "best": best, "waited": self.waited}

    def restore(self, values: dict[str, Any]) -> None:
        """Restore the state that `values` returned."""
        self.factor, self.waited = values["factor"], values["waited"]
        self.best = math.inf if values["best"] is None else values["best"]
