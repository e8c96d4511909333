"""The Python interface to a complete run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from lstmcast.network.keras_weights import KerasWeights
    from lstmcast.pipeline.sample_paths import Paths

PathLike = str | Path


@contextmanager
def callers_torch() -> Iterator[None]:
    """Restore torch's thread count, and its random state on the CPU, for the caller."""
    import torch

    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class Run:
    """A run folder, or a `model.safetensors` alone.

    Attributes:
        path: The folder, or the file.
    """

    path: Path

    def __post_init__(self) -> None:
        """Accept a str as path."""
        object.__setattr__(self, "path", Path(self.path))

    def predict(
        self,
        data: PathLike | None = None,
        *,
        at: str | None = None,
        future: PathLike | None = None,
        device: str = "auto",
    ) -> pd.DataFrame:
        """Forecast every series of a table after its last row; see `lstmcast.predict`."""
        return predict(self.path, data, at=at, future=future, device=device)

    def sample_paths(
        self,
        data: PathLike | None = None,
        *,
        paths: int = 1000,
        seed: int = 0,
        at: str | None = None,
        future: PathLike | None = None,
        device: str = "auto",
    ) -> pd.DataFrame:
        """Draw sample paths after the last row: each step is drawn given the steps before it.

        For networks with `network.decoder: recursive` or `seq2seq` and a probabilistic head. Paths
        come from the head without calibration; the bounds of `predict` are calibrated.

        Args:
            data: A CSV or Parquet table; None: the training table of the run.
            paths: Number of paths of each series.
            seed: Random seed: the same seed gives the same paths.
            at: Time stamp (or row number) to use as the last row.
            future: A table of the future covariates over the horizon.
            device: auto, cpu, cuda, cuda:N or mps.

        Returns:
            Series columns, `path` from 1, time column (or `step`), targets: a row per path, series
            and step. Series that are too short for the network are left out.

        Raises:
            LstmcastError: See `lstmcast.errors`.
        """
        return _paths(self.path, data, at, future, paths, seed, device).frame()

    def predict_sum(
        self,
        data: PathLike | None = None,
        *,
        steps: int | None = None,
        paths: int = 1000,
        seed: int = 0,
        at: str | None = None,
        future: PathLike | None = None,
        device: str = "auto",
    ) -> pd.DataFrame:
        """Forecast the sum over the horizon, from the quantiles of the sums of `sample_paths`.

        Args:
            data: As in `sample_paths`, like the other arguments.
            steps: Number of steps to sum, from the first; None: the whole horizon.
            paths: Number of paths of each series.
            seed: Random seed.
            at: Time stamp (or row number) to use as the last row.
            future: A table of the future covariates over the horizon.
            device: auto, cpu, cuda, cuda:N or mps.

        Returns:
            Series columns, `first` and `last` step, and for each target the median of the sum and
            its bounds (`<target>_lo80`, ...): a row per series.

        Raises:
            LstmcastError: See `lstmcast.errors`.
        """
        return _paths(self.path, data, at, future, paths, seed, device).sums(steps)

    @property
    def metrics(self) -> dict[str, Any]:
        """Scores of the network and the baselines, as in metrics.json."""
        from lstmcast.runs.folder import RunFolder
        from lstmcast.runs.reading import read_object

        return read_object(RunFolder(self.path).metrics)

    @property
    def forecast(self) -> pd.DataFrame:
        """The forecast after the last row of the training table, as in forecast.csv."""
        import pandas as pd

        from lstmcast.config import load_config
        from lstmcast.errors import RunError
        from lstmcast.forecasting.frames import bound_names
        from lstmcast.runs.folder import RunFolder

        path = RunFolder(self.path).forecast
        if not path.exists():
            raise RunError(f"{path} does not exist; the run made no forecast")
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        config = load_config(RunFolder(self.path).config)
        numbers = [
            column
            for target in config.data.target
            for column in (target, *bound_names(target, config.forecast.levels))
            if column in frame  # a level without calibration windows has no bounds
        ]
        # A column of a wide table has no forecast before its end.
        frame[numbers] = frame[numbers].replace("", "nan").astype(float)
        return frame

    def keras_weights(self) -> KerasWeights:
        """Weights of the network's only recurrent layer in the format of Keras (one bias).

        A seq2seq network has a second recurrent layer, in its decoder: it is not read.

        Returns:
            `kernel` (F, G * U), `recurrent_kernel` (U, G * U) and `bias` (G * U,), for a GRU
            (2, 3 * U), as numpy arrays. The order of the gates is i, f, g, o (LSTM) and z, r, h
            (GRU), as in Keras's `layer.get_weights()`.

        Raises:
            LstmcastError: The network has more than one layer or direction, or a projection.
        """
        from lstmcast.pipeline.keras_weights import read_keras_weights

        return read_keras_weights(self.path)

    def with_keras_weights(
        self,
        kernel: np.ndarray,
        recurrent_kernel: np.ndarray,
        bias: np.ndarray | None = None,
        *,
        out: PathLike,
    ) -> Run:
        """Write a copy of the model with other weights in its only recurrent layer.

        The run does not change. A seq2seq network has a second recurrent layer, in its decoder: its
        weights stay.

        Args:
            kernel: (F, G * U).
            recurrent_kernel: (U, G * U).
            bias: (G * U,), for a GRU (2, 3 * U); None for a layer without bias.
            out: A `.safetensors` file that does not exist yet.

        Returns:
            The new model: `run.with_keras_weights(...).predict("data.csv")`.

        Raises:
            LstmcastError: A shape does not fit, or `out` exists.
        """
        from lstmcast.network.keras_weights import KerasWeights
        from lstmcast.pipeline.keras_weights import write_keras_weights

        write_keras_weights(self.path, KerasWeights(kernel, recurrent_kernel, bias), Path(out))
        return Run(Path(out))

    one_bias_weights, with_one_bias_weights = keras_weights, with_keras_weights
    """The names of these two before 0.2."""


@callers_torch()
def predict(
    run: PathLike,
    data: PathLike | None = None,
    *,
    at: str | None = None,
    future: PathLike | None = None,
    device: str = "auto",
) -> pd.DataFrame:
    """Forecast every series of a table after its last row; `lstmcast predict`.

    Args:
        run: A run folder, or a `model.safetensors` alone.
        data: A CSV or Parquet table; None: the training table of the run.
        at: Time stamp (or row number) to use as the last row.
        future: A table of the future covariates over the horizon.
        device: auto, cpu, cuda, cuda:N or mps.

    Returns:
        Series columns, time column (or `step`), targets, `method`: a row per series and step.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.proposing.source import choose_device
    from lstmcast.workflows.predict import predict as predict_workflow

    source, ahead = (None if path is None else str(path) for path in (data, future))
    return predict_workflow(
        Path(run), source, at, ahead, choose_device(device), ProgressListener()
    ).forecast


@callers_torch()
def _paths(
    run: Path,
    data: PathLike | None,
    at: str | None,
    future: PathLike | None,
    paths: int,
    seed: int,
    device: str,
) -> Paths:
    from lstmcast.pipeline.sample_paths import sample_paths
    from lstmcast.proposing.source import choose_device

    source, ahead = (None if path is None else str(path) for path in (data, future))
    return sample_paths(run, source, at, ahead, paths, seed, choose_device(device))
