"""lstmcast: from a CSV to a forecast you can trust. The functions have the commands' names.

>>> import lstmcast
>>> run = lstmcast.train("config.yaml")
>>> frame = run.predict("new.csv")

The import loads neither torch nor pandas; the first call does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmcast.run import PathLike, Run, callers_torch, predict
from lstmcast.version import __version__ as __version__

if TYPE_CHECKING:
    from lstmcast.pipeline.progress import ProgressListener

__all__ = [
    "Run",
    "backtest",
    "compare",
    "configs",
    "init",
    "inspect",
    "predict",
    "report",
    "rerun",
    "train",
    "window",
]


def init(
    data: PathLike,
    output: PathLike | None = None,
    *,
    target: Sequence[str] = (),
    horizon: int | None = None,
    set: Sequence[str] = (),
) -> str:
    """Propose a config for a table, with a reason for each value; `lstmcast init`.

    Args:
        data: A CSV or Parquet table.
        output: YAML file to write; None: no file.
        target: Columns to forecast; default: every usable numeric column.
        horizon: Steps to forecast.
        set: Overrides, `section.key=value`.

    Returns:
        The YAML.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.proposing.propose import given_by, propose
    from lstmcast.workflows.init import write_proposal

    proposal = propose(data, given_by(set, target, horizon), ProgressListener())
    return write_proposal(proposal, None if output is None else Path(output))


@callers_torch()
def train(
    source: PathLike | None = None,
    *,
    set: Sequence[str] = (),
    run: PathLike | None = None,
    resume: PathLike | None = None,
    device: str = "auto",
    listener: ProgressListener | None = None,
) -> Run:
    """Train a network, compare it with baselines, forecast; `lstmcast train`.

    Args:
        source: A YAML config, or a CSV or Parquet table.
        set: Overrides, `section.key=value`.
        run: Run folder to create; default: the next free one under `runs/`.
        resume: Folder of an interrupted run to resume, instead of the arguments above.
        device: auto, cpu, cuda, cuda:N or mps.
        listener: Receives progress; default: none.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.proposing.source import choose_device, config_for, run_folder_for
    from lstmcast.workflows.train import train as train_workflow

    listener = listener or ProgressListener()
    if resume is not None:
        from lstmcast.workflows.train import resume as resume_workflow

        assert source is None and run is None and not set, "a run has its own config"
        resume_workflow(Path(resume), device, listener)
        return Run(Path(resume))
    assert source is not None, "a config, a table, or resume=RUN"
    folder = run_folder_for(source, run)
    config, table = config_for(source, set, listener)
    return Run(train_workflow(config, folder, choose_device(device), listener, table).run.path)


@callers_torch()
def backtest(
    source: PathLike, *, set: Sequence[str] = (), device: str = "auto", **plan: Any
) -> dict[str, Any]:
    """Forecast from past origins, and score the forecasts; `lstmcast backtest`.

    Args:
        source: A run folder, a YAML config, or a table.
        set: Overrides, `section.key=value`.
        device: auto, cpu, cuda, cuda:N or mps.
        plan: Fields of `workflows.backtest.Plan`: folds, step, refit, warm, rows, rivals.

    Returns:
        The content of the backtest's metrics.json.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from lstmcast.backtesting.plan import Plan
    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.proposing.source import choose_device
    from lstmcast.workflows.backtest import backtest as backtest_workflow

    chosen = choose_device(device)
    return backtest_workflow(Path(source), Plan(**plan), set, chosen, ProgressListener()).metrics


def compare(*runs: PathLike, sort: str = "mae") -> list[dict[str, Any]]:
    """Compare runs, the best first: `run`, `differs`, `scores`; `lstmcast compare`."""
    from lstmcast.workflows.compare import compare as compare_workflow

    compared = compare_workflow([Path(run) for run in runs], sort).runs
    return [{"run": one.run, "differs": one.differs, "scores": one.scores} for one in compared]


def report(run: PathLike, *, png: PathLike | None = None, svg: PathLike | None = None) -> Path:
    """Write the report page of a run, or of a backtest, again; `lstmcast report`.

    Args:
        run: A run folder, or a folder in its `backtests`.
        png: Folder for the charts as PNG files.
        svg: Folder for the charts as SVG files.

    Returns:
        Path of the page.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from lstmcast.workflows.report import report as report_workflow

    folders = {"png": png, "svg": svg}
    wanted = {kind: Path(folder) for kind, folder in folders.items() if folder is not None}
    return report_workflow(Path(run), wanted)[0]


@callers_torch()
def rerun(
    source: PathLike,
    *,
    verify: bool = False,
    run: PathLike | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Train a run again from its own config and data; `lstmcast rerun`.

    Args:
        source: The folder of a complete run.
        verify: Compare weights, scores and forecasts with those of the run.
        run: Run folder to create; default: the next free one under `runs/`, with `verify` none.
        device: auto, cpu, cuda, cuda:N or mps; auto is the device of the run.

    Returns:
        `run`, the new `Run` or None; with `verify` also `same`, `exact` (whether `same` means
        identical bits) and `differences`.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from dataclasses import asdict

    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.workflows.rerun import rerun as rerun_workflow

    again = None if run is None else Path(run)
    done = rerun_workflow(Path(source), again, verify, device, ProgressListener())
    value: dict[str, Any] = {"run": Run(done.trained.run.path) if done.kept else None}
    if done.differences is not None:
        found = [asdict(difference) for difference in done.differences]
        value |= {"same": done.same, "exact": not done.unlike, "differences": found}
    return value


def window(
    source: PathLike, output: PathLike, *, set: Sequence[str] = ()
) -> dict[str, tuple[int, ...]]:
    """Write the (N, T, F) windows of a table as .npy files; `lstmcast window`.

    Args:
        source: A YAML config, or a CSV or Parquet table.
        output: Folder to create.
        set: Overrides, `section.key=value`.

    Returns:
        Shapes of the arrays by name.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.proposing.source import config_for
    from lstmcast.workflows.window import write_windows

    listener = ProgressListener()
    config, table = config_for(source, set, listener)
    return write_windows(config, Path(output), listener, table).shapes


@callers_torch()
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
    """Show a network, and trace a window of data through it; `lstmcast inspect`.

    Args:
        source: A YAML config or a table (the untrained network), a run folder (the trained one).
        trace: Trace a window from its rows to the forecast.
        window: Number of the window; default: the first of test.
        step: Time step to show in detail.
        layer: One layer, such as `l0` or `l1_reverse`; default: all, and the first for `step`.
        unit: Unit whose numbers are shown.
        plot: HTML file to write heat maps to.
        set: Overrides, `section.key=value`.

    Returns:
        What `lstmcast inspect --json` prints.

    Raises:
        LstmcastError: See `lstmcast.errors`.
    """
    from lstmcast.inspection.as_json import as_data
    from lstmcast.inspection.result import InspectOptions
    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.workflows.inspect import inspect as inspect_workflow

    options = InspectOptions(trace, window, layer, step, unit, None if plot is None else Path(plot))
    found = inspect_workflow(Path(source), set, options, ProgressListener())
    return as_data(found)


def configs() -> dict[str, Path]:
    """Paths of the shipped configs by name; `lstmcast configs`."""
    from lstmcast.workflows.configs import shipped_configs

    return {shipped.name: shipped.path for shipped in shipped_configs()}
