"""lstmcast: from a CSV to a forecast you can trust. The Python face has the commands' names.

>>> import lstmcast
>>> run = lstmcast.train("config.yaml")
>>> frame = run.predict("new.csv")

Importing this loads neither torch nor pandas; the first call does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from lstmcast.network.one_bias import OneBiasWeights
    from lstmcast.workflows.watcher import Watcher

__all__ = ["Run", "configs", "inspect", "predict", "train", "window"]

PathLike = str | Path


@dataclass(frozen=True)
class Run:
    """A run folder, or a `model.safetensors` alone.

    Attributes:
        path: The folder, or the file.
    """

    path: Path

    def __post_init__(self) -> None:
        """Take a text for a path too."""
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

    @property
    def metrics(self) -> dict[str, Any]:
        """Scores of the network and the baselines, as in metrics.json."""
        import json

        return dict(json.loads((self.path / "metrics.json").read_text(encoding="utf-8")))

    @property
    def forecast(self) -> pd.DataFrame:
        """The forecast after the last row of the training table, as in forecast.csv."""
        import pandas as pd

        from lstmcast.config import load_config
        from lstmcast.errors import RunError

        path = self.path / "forecast.csv"
        if not path.exists():
            raise RunError(f"{path} does not exist; the run made no forecast")
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        targets = load_config(self.path / "config.yaml").data.target
        return frame.astype(dict.fromkeys(targets, float))

    def one_bias_weights(self) -> OneBiasWeights:
        """Weights of a network's only recurrent layer as tools with one bias have them.

        Returns:
            `kernel` (F, G * U), `recurrent_kernel` (U, G * U) and `bias` (G * U,), a GRU's
            (2, 3 * U), as numpy arrays; gates side by side, i, f, g, o of an LSTM and z, r, h of a
            GRU. This is what Keras's `layer.get_weights()` gives.

        Raises:
            LstmcastError: The network has more than one layer or direction, or a projection.
        """
        from lstmcast.workflows.one_bias import read_one_bias

        return read_one_bias(self.path)

    def with_one_bias_weights(
        self,
        kernel: np.ndarray,
        recurrent_kernel: np.ndarray,
        bias: np.ndarray | None = None,
        *,
        out: PathLike,
    ) -> Run:
        """Write a model like this run's, with other weights in its only recurrent layer.

        Head and scaling stay those of the run, and the run as it is.

        Args:
            kernel: (F, G * U).
            recurrent_kernel: (U, G * U).
            bias: (G * U,), of a GRU (2, 3 * U); None for a layer without.
            out: A `.safetensors` file that does not exist yet.

        Returns:
            The new model: `run.with_one_bias_weights(...).predict("data.csv")`.

        Raises:
            LstmcastError: A shape does not fit, or `out` exists.
        """
        from lstmcast.network.one_bias import OneBiasWeights
        from lstmcast.workflows.one_bias import write_one_bias

        write_one_bias(self.path, OneBiasWeights(kernel, recurrent_kernel, bias), Path(out))
        return Run(Path(out))


def train(
    source: PathLike,
    *,
    set: Sequence[str] = (),
    run: PathLike | None = None,
    device: str = "auto",
    watcher: Watcher | None = None,
) -> Run:
    """Train a network, judge it beside baselines, forecast; `lstmcast train`.

    Args:
        source: A YAML config, or a CSV or Parquet table.
        set: Overrides, `section.key=value`.
        run: Run folder to make; default: the next free one under `runs/`.
        device: auto, cpu, cuda, cuda:N or mps.
        watcher: Is told how it goes; default: nobody is.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from lstmcast.workflows.entry import choose_device, config_for, run_folder_for
    from lstmcast.workflows.train import train as train_workflow
    from lstmcast.workflows.watcher import Watcher

    watcher = watcher or Watcher()
    folder = run_folder_for(source, run)
    config = config_for(source, set, watcher)
    return Run(train_workflow(config, folder, choose_device(device), watcher).run.path)


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
        data: A CSV or Parquet table; None: the one that the run was trained on.
        at: Take this stamp (or row number) for the last row.
        future: A table of the known-future columns of the steps ahead.
        device: auto, cpu, cuda, cuda:N or mps.

    Returns:
        Series columns, time column (or `step`), targets, `method`: a row per series and step.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from lstmcast.workflows.entry import choose_device
    from lstmcast.workflows.predict import predict as predict_workflow
    from lstmcast.workflows.watcher import Watcher

    source, ahead = (None if path is None else str(path) for path in (data, future))
    return predict_workflow(Path(run), source, at, ahead, choose_device(device), Watcher()).forecast


def window(
    source: PathLike, output: PathLike, *, set: Sequence[str] = ()
) -> dict[str, tuple[int, ...]]:
    """Write the (N, T, F) windows of a table as .npy files; `lstmcast window`.

    Args:
        source: A YAML config, or a CSV or Parquet table.
        output: Folder to make.
        set: Overrides, `section.key=value`.

    Returns:
        The shape of each array by name.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from lstmcast.workflows.entry import config_for
    from lstmcast.workflows.watcher import Watcher
    from lstmcast.workflows.window import write_windows

    watcher = Watcher()
    return write_windows(config_for(source, set, watcher), Path(output), watcher).shapes


def inspect(
    source: PathLike,
    *,
    trace: bool = False,
    window: int | None = None,
    step: int | None = None,
    layer: str | None = None,
    unit: int = 0,
    plot: PathLike | None = None,
    set: Sequence[str] = (),
) -> dict[str, Any]:
    """Look into a network, and follow a window of data through it; `lstmcast inspect`.

    Args:
        source: A YAML config or a table (the untrained network), a run folder (the trained one).
        trace: Follow a window from its rows to the forecast.
        window: Which; default: the first of test.
        step: Time step to open.
        layer: One layer, such as `l0` or `l1_reverse`; default: all, and the first for `step`.
        unit: Unit whose numbers the command writes out.
        plot: HTML file to write heat maps to.
        set: Overrides, `section.key=value`.

    Returns:
        What `lstmcast inspect --json` prints.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from lstmcast.workflows.inspect import inspect as inspect_workflow
    from lstmcast.workflows.inspection import Look
    from lstmcast.workflows.inspection_data import as_data
    from lstmcast.workflows.watcher import Watcher

    look = Look(trace, window, layer, step, unit, None if plot is None else Path(plot))
    found = inspect_workflow(Path(source), set, look, Watcher())
    return as_data(found)


def configs() -> dict[str, Path]:
    """The shipped configs: where each lies, by name; `lstmcast configs`."""
    from lstmcast.workflows.configs import shipped_configs

    return {shipped.name: shipped.path for shipped in shipped_configs()}
