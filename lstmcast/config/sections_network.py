"""Section network: cell, layers, decoder and head."""

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
        description="Source of the fields not set here: plain, the defaults; auto, the best in "
        "general, used when a config has no network section; segments, for long windows of steps "
        "shorter than a day; hybrid, for many seasonal series.",
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
        description="Whether each layer also reads the window backwards, which doubles its "
        "outputs.",
    )
    projection: CountOrZero = Field(
        default=0,
        description="Units that the output of each LSTM layer is projected to, fewer than every "
        "layer has; 0: no projection.",
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
        description="Activation of the candidate and, in an LSTM, of the cell state; any other "
        "than tanh runs the cells step by step, which is slower.",
    )
    recurrent_activation: Activation = Field(
        default="sigmoid",
        description="Activation of the gates; any other than sigmoid runs the cells step by step.",
    )
    embed_series: bool = Field(
        default=False,
        description="Whether the columns of data.series are categories too, so that the network "
        "learns an embedding for each series.",
    )
    embedding: Literal["auto"] | Count | dict[Name, Count] = Field(
        default="auto",
        description="Width of the embeddings: one for all columns, or one per column; auto: 1.6 "
        "n^0.56 for n categories, at most 50, or the width of the given vectors.",
    )
    train_vectors: bool = Field(
        default=False,
        description="Whether the embeddings given by data.vectors are trained; false: they stay "
        "as given.",
    )
    normalize: Literal["none", "last", "standard", "season", "difference"] = Field(
        default="none",
        description="Normalization of each window's targets, inverted on the forecast: none; "
        "last, minus the last value; standard, by the window's mean and deviation; season, by the "
        "mean of its last season and the mean distance from it; difference, minus the season "
        "before, by the mean size of the seasonal differences, which are inputs too.",
    )
    channels: Literal["mixed", "independent"] = Field(
        default="mixed",
        description="How a window with several targets is read: mixed, all targets together; "
        "independent, each target separately, by one network for all.",
    )
    segment: Literal["auto"] | Count = Field(
        default=1,
        description="Steps folded into one step of the encoder by a linear layer; auto: a "
        "fifteenth of the lookback, in whole seasons if the window has at least four.",
    )
    skip: Literal["none", "linear", "ridge"] = Field(
        default="none",
        description="Path around the recurrent layers: none; linear, a linear map from each "
        "target's window to its horizon, zero at first, added to the forecast; ridge, the same "
        "map initialized by ridge regression on the training windows (or by "
        "`training.init_from`), while the output of the recurrent layers begins at zero.",
    )
    readout: Literal["last", "state", "mean", "all"] = Field(
        default="last",
        description="Input of the direct decoder: last, the encoder's last step; state, the final "
        "h (and c) of every layer and direction; mean, the mean over all steps; all, all steps "
        "side by side.",
    )
    decoder: Literal["direct", "recursive", "seq2seq", "every_step", "segments"] = Field(
        default="direct",
        description="How the encoder's state becomes the horizon: direct, one linear map for all "
        "steps; recursive, step by step, feeding each forecast back to the encoder; seq2seq, a "
        "second recurrent stack that starts from the encoder's final states; every_step, a linear "
        "map of every step's output, trained on what follows each step; segments, one encoder "
        "step from the final states for each segment of the horizon.",
    )
    teacher_forcing: Annotated[float, Ge(0), Le(1)] = Field(
        default=0.0,
        description="Probability in training that a recursive or seq2seq decoder gets the actual "
        "value of a step instead of its own forecast.",
    )
    head: Head = Field(
        default="point",
        description="Output for each step and target: point, one number; quantiles, the median "
        "and the bounds of forecast.levels; or a distribution: normal, student_t, and for counts "
        "negative_binomial and poisson.",
    )
