"""Section training: loss, optimizer, learning-rate schedule, early stopping, checkpoints."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ConfigDict, Field

from lstmcast.config.values import (
    Count,
    CountOrZero,
    MemorySize,
    Positive,
    Section,
)

MAX_MEMBERS = 100
"""More cost time without gain: one more hardly changes the median of 20."""


class TrainingConfig(Section):
    """How the network is trained, and when training ends."""

    model_config = ConfigDict(title="Training")

    loss: Literal["auto", "mse", "mae", "huber", "smape", "mae_smape"] = Field(
        default="auto",
        description="Loss to minimize with head: point: mse, mae or huber on scaled targets; "
        "smape, the error relative to forecast and actual; mae_smape, half of each; auto, mae for "
        "point, and for other heads their own, the pinball loss or the negative log-likelihood.",
    )
    optimizer: Literal["adamw", "adam", "sgd"] = Field(
        default="adamw", description="Optimizer that updates the weights."
    )
    learning_rate: Positive = Field(
        default=0.001,
        description="Size of the optimizer's steps, the highest of the schedule, reached after "
        "warm-up.",
    )
    weight_decay: Annotated[float, Ge(0)] = Field(
        default=0.0, description="Strength with which weights are pulled towards zero; 0: none."
    )
    schedule: Literal["constant", "cosine", "one_cycle", "step", "plateau"] = Field(
        default="cosine",
        description="Learning-rate schedule: constant; cosine, falls to 0 at the end; one_cycle, "
        "rises from a 25th in the first three tenths, then falls to 0; step, multiplied by decay "
        "every decay_every epochs; plateau, multiplied by decay after decay_every epochs without "
        "a better validation loss.",
    )
    warmup_steps: CountOrZero = Field(
        default=0, description="Optimizer steps in which the learning rate rises from 0; 0: none."
    )
    decay: Annotated[float, Gt(0), Lt(1)] = Field(
        default=0.5,
        description="Factor of the learning rate at each decay of the schedules step and plateau.",
    )
    decay_every: Count = Field(
        default=10,
        description="Epochs between decays (step), or without a better validation loss before a "
        "decay (plateau).",
    )
    decay_after: CountOrZero = Field(
        default=0, description="Epochs before the schedule step begins to count."
    )
    average: Annotated[float, Ge(0), Lt(1)] = Field(
        default=0.0,
        description="Decay of an exponential moving average (EMA) of the weights, which is "
        "validated and saved instead of the weights; 0: none.",
    )
    sample: Literal["windows", "series"] = Field(
        default="windows",
        description="Windows of an epoch: windows, each training window once; series, as many "
        "windows, each of a randomly drawn series, so that long series do not dominate.",
    )
    batch_size: Count = Field(default=64, description="Windows in one optimizer step (B).")
    max_epochs: Count = Field(
        default=50, description="Passes over the training windows after which training ends."
    )
    max_steps: Count | None = Field(
        default=None, description="Optimizer steps after which training ends; null: no limit."
    )
    max_minutes: Positive | None = Field(
        default=None, description="Minutes after which training ends; null: no limit."
    )
    patience: Count | None = Field(
        default=8,
        description="Early stopping: epochs without a better validation loss after which training "
        "ends; null: no early stopping.",
    )
    precision: Literal["float32", "bf16", "auto"] = Field(
        default="float32",
        description="Precision of the products in recurrent layers during training: float32; "
        "bf16, three digits, faster if the processor supports it; auto, bf16 if supported, else "
        "float32.",
    )
    clip_norm: Positive | None = Field(
        default=1.0,
        description="Gradient clipping: largest norm of all gradients together; null: none.",
    )
    init_from: str | None = Field(
        default=None,
        description="Warm start: run folder or model file whose weights training begins with, for "
        "a new season or a related table; its recurrent layers must be the same; null: random "
        "weights.",
    )
    refit: Literal["none", "all"] = Field(
        default="none",
        description="Rows to train on once more, for the best number of epochs, before the future "
        "forecast: none, or all.",
    )
    memory_limit: MemorySize | None = Field(
        default=None,
        description="Memory that training may use, such as 4GB; a training that needs more is "
        "refused before it begins; null: the free memory of the machine.",
    )
    checkpoint_every: Annotated[float, Ge(0)] = Field(
        default=60.0,
        description="Seconds between checkpoints, from which an interrupted training can resume; "
        "0: one after every step.",
    )
    seed: Annotated[int, Ge(0), Lt(2**63)] = Field(
        default=0, description="Random seed; the same seed gives the same bits."
    )
    members: Annotated[int, Ge(1), Le(MAX_MEMBERS)] = Field(
        default=1,
        description="Size of the ensemble: networks trained one after the other with seed, seed + "
        "1, ..., whose forecasts are combined; every training limit applies to each.",
    )
    combine: Literal["median", "mean"] = Field(
        default="median",
        description="Combination of the members' forecasts, and of each of their bounds.",
    )
