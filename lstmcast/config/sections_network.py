"""The section about the network."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import ConfigDict, Field

from lstmcast.config.values import (
    Count,
    CountOrZero,
    Fraction,
    Name,
    Section,
    Widths,
)

Activation = Literal["tanh", "sigmoid", "hard_sigmoid", "relu", "linear"]
Head = Literal["point", "quantiles", "normal", "student_t", "negative_binomial", "poisson"]


class NetworkConfig(Section):
    """The recurrent network; a preset fills the fields that are not set."""

    model_config = ConfigDict(title="Network")

    preset: Literal["plain", "auto", "segments", "hybrid"] = Field(
        default="plain",
        description="Source of the fields not set here: plain, the defaults; auto, the best all "
        "round, and what a config without a network section gets; segments, for long windows of "
        "steps shorter than a day; hybrid, for many seasonal series.",
    )
    cell: Literal["rnn", "gru", "lstm"] = Field(
        default="lstm", description="Recurrent cell of every layer."
    )
    units: Widths = Field(
        default=[64],
        description="Units of each layer, first to last: [64, 32] is two layers (U, L).",
    )
    bidirectional: bool = Field(
        default=False,
        description="Whether each layer also reads the window from its end, doubling its outputs.",
    )
    projection: CountOrZero = Field(
        default=0,
        description="Units that each LSTM layer's output is projected to, below every width; "
        "0: no projection.",
    )
    bias: bool = Field(default=True, description="Whether the cells have bias terms.")
    dropout: Fraction = Field(
        default=0.0,
        description="Fraction of outputs set to zero in training, between layers and before the "
        "head.",
    )
    initial_state: Literal["zeros", "random", "learned"] = Field(
        default="zeros",
        description="State before the first step: zeros; random, seeded in training and zeros in "
        "forecasting; learned, a parameter.",
    )
    activation: Activation = Field(
        default="tanh",
        description="What the candidate and, in an LSTM, the cell state go through; another than "
        "torch's own runs the cells step by step, which is slower.",
    )
    recurrent_activation: Activation = Field(
        default="sigmoid",
        description="What the gates go through; another than sigmoid runs the cells step by step.",
    )
    embed_series: bool = Field(
        default=False,
        description="Whether the columns of data.series are categories too, so that the network "
        "learns a vector for each series.",
    )
    embedding: Literal["auto"] | Count | dict[Name, Count] = Field(
        default="auto",
        description="Width of the vectors of categories: one for all columns, or one by column; "
        "auto: 1.6 n^0.56 for n categories, at most 50, or as wide as the vectors given.",
    )
    train_vectors: bool = Field(
        default=False,
        description="Whether the vectors of data.vectors are trained on; false: they stay as "
        "their file has them.",
    )
    normalize: Literal["none", "last", "standard", "season", "difference"] = Field(
        default="none",
        description="What each window's targets are freed of and the forecast gets back: none; "
        "last, the last value; standard, the window's mean and deviation; season, the mean of its "
        "last season, and its mean distance from that; difference, the last season itself, and the "
        "mean size of the window's differences from season to season, which are read beside it.",
    )
    channels: Literal["mixed", "independent"] = Field(
        default="mixed",
        description="Whether the targets of a window are read side by side (mixed), or each by "
        "itself, by one network for all (independent).",
    )
    segment: Literal["auto"] | Count = Field(
        default=1,
        description="Steps folded into one step of the encoder by a linear layer; auto: a "
        "fifteenth of the lookback, rounded to whole seasons where the window holds at least four.",
    )
    skip: Literal["none", "linear", "ridge"] = Field(
        default="none",
        description="What goes past the recurrent layers: none; linear, a linear map from each "
        "target's window to its horizon, zero at first, is added to the forecast; ridge, the same "
        "map, beginning as ridge regression over the train windows has it, while what the "
        "recurrent layers add begins at zero (with `training.init_from`, as in the other run).",
    )
    readout: Literal["last", "state", "mean", "all"] = Field(
        default="last",
        description="What the direct decoder reads of the encoder: last, its last step; state, the "
        "final h (and c) of every layer and direction; mean, the mean of its steps; all, all steps "
        "side by side.",
    )
    decoder: Literal["direct", "recursive", "seq2seq", "every_step", "segments"] = Field(
        default="direct",
        description="How a state becomes the horizon: direct, all steps in one linear map; "
        "recursive, step by step, each forecast fed back to the encoder; seq2seq, a second stack "
        "started with the encoder's final states; every_step, a linear map of every step's output, "
        "trained on what follows each; segments, all segments of the horizon at once, each one "
        "step of the encoder from its final states.",
    )
    teacher_forcing: Annotated[float, Ge(0), Le(1)] = Field(
        default=0.0,
        description="Chance in training that a recursive or seq2seq decoder is fed the true value "
        "of a step in place of its own forecast.",
    )
    head: Head = Field(
        default="point",
        description="What is forecast of each step and target: point, one number; quantiles, the "
        "median and the bounds of forecast.levels; or a distribution: normal, student_t, and for "
        "counts negative_binomial and poisson.",
    )
