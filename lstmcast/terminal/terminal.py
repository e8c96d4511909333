"""Output on a terminal: results on stdout, progress and notes on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from lstmcast.pipeline.progress import ProgressListener
from lstmcast.terminal.tables import (
    UNJUDGED,
    epoch_line,
    remarks_on,
    roles_line,
    score_table,
    step_table,
    table_line,
    wrapped,
)

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from lstmcast.config import Config
    from lstmcast.inspection.result import InspectionResult
    from lstmcast.panel.panel import Panel
    from lstmcast.pipeline.new_run import Trained
    from lstmcast.pipeline.prepared import Prepared
    from lstmcast.pipeline.progress import Fold
    from lstmcast.proposing.proposal import Proposal
    from lstmcast.tables.read import Table
    from lstmcast.terminal.bars import TrainingView
    from lstmcast.training.trainer import Progress
    from lstmcast.workflows.configs import Shipped
    from lstmcast.workflows.predict import Predicted


class Terminal(ProgressListener):
    """Prints the progress of workflows and the results of commands.

    Args:
        json: One JSON object on stdout, and nothing else there.
        quiet: Only errors, and requested output on stdout.
        verbose: Also the resolved config.
    """

    def __init__(self, json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        self.json, self.quiet, self.verbose = json, quiet, verbose
        self.out = Console(file=sys.stdout, highlight=False, soft_wrap=False)
        self.err = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self.notes: list[str] = []
        self.bar: Bar | None = None
        self.within = 0
        self.task: TaskID | None = None
        self.view: TrainingView | None = None
        self.live = self.err.is_terminal and not (quiet or self.err.is_dumb_terminal)

    def _remark(self, text: str, style: str = "") -> None:
        if not self.quiet:
            self.err.print(wrapped(text, self.err), style=style, markup=False)

    def _result(self, *parts: Any) -> None:
        """Print a result, unless `--json` prints `_object` instead."""
        if not (self.quiet or self.json):
            for part in parts:
                said = wrapped(part, self.out) if isinstance(part, str) else part
                self.out.print(said, markup=False, soft_wrap=isinstance(part, str))

    def _object(self, value: Any) -> None:
        if self.json:
            print(json.dumps(value, ensure_ascii=False, allow_nan=False))

    # Progress of workflows.

    def note(self, text: str) -> None:
        """A note, which `--json` repeats under `notes`."""
        self.notes.append(text)
        self._remark(f"note: {text}", "yellow")

    def config(self, config: Config) -> None:
        """Print the resolved config, with `--verbose`."""
        if self.verbose:
            from lstmcast.config import dump_config

            self._remark(dump_config(config).rstrip(), "dim")

    def read(self, table: Table, panel: Panel) -> None:
        """The table was read."""
        self._remark(table_line(table, panel), "bold")

    def prepared(self, prepared: Prepared) -> None:
        """The table was read and split."""
        panel, windows = prepared.panel, prepared.windows
        self.read(prepared.table, panel)
        self._remark(roles_line(panel))
        self._remark(
            f"windows: {len(windows.train):,} train, {len(windows.validation):,} validation, "
            f"{len(windows.test):,} test; {windows.crossing:,} left out at splits"
        )

    def network(self, words: str) -> None:
        """Training begins."""
        self._remark(words)

    def training(self, max_epochs: int, what: str) -> None:
        """Open the live view if stderr is a terminal."""
        if what:
            self._remark(f"training {what}")
        if not self.live:
            return
        from lstmcast.terminal.bars import TrainingView

        self.view = TrainingView(self.err, max_epochs)
        self.view.start()

    def progress(self, progress: Progress) -> None:
        """Move the live view, or print each finished epoch."""
        if self.view is not None:
            self.view.move(progress)
        elif progress.finished is not None:
            self._remark(epoch_line(progress.finished, progress.windows_per_second))

    def trained(self) -> None:
        """Close the live view."""
        if self.view is not None:
            self.view.stop()
            self.view = None

    def folds(self, count: int) -> None:
        """Open the live view of folds if stderr is a terminal."""
        if not self.live:
            return
        from lstmcast.terminal.bars import folds_bar

        self.bar = folds_bar(self.err)
        self.task = self.bar.add_task("", total=count, fold=1)
        self.bar.start()

    def fold_trains(self, done: float) -> None:
        """Advance the bar while a fold trains."""
        if self.bar is not None and self.task is not None:
            running = min(int(done) + 1, int(self.bar.tasks[0].total or 1))
            self.bar.update(self.task, completed=done, fold=running)

    def fold(self, fold: Fold) -> None:
        """Advance the bar, and print a finished fold."""
        from lstmcast.terminal.runs import fold_line

        self.fold_trains(fold.number)
        self._remark(fold_line(fold))

    def folds_done(self) -> None:
        """Close the live view, and what a failed fold has left open in it."""
        self.within = 0
        self.task_finished()

    def task_started(self, words: str, count: int) -> None:
        """Open a bar, on a terminal; a task within another task has none."""
        if self.bar is not None:
            self.within += 1
        elif self.live and count > 1:
            from lstmcast.terminal.bars import parts_bar

            self.bar = parts_bar(self.err)
            self.task = self.bar.add_task(words, total=count)
            self.bar.start()

    def task_advanced(self, done: int) -> None:
        """Advance the bar."""
        if self.bar and self.task is not None and not self.within:
            self.bar.update(self.task, completed=done)

    def task_finished(self) -> None:
        """Close the bar."""
        if self.within:
            self.within -= 1
        elif self.bar is not None:
            self.bar.stop()
            self.bar = None

    # Results of commands.

    def shown(self, parts: Sequence[Any], value: dict[str, Any]) -> None:
        """A result from one of the files of this room."""
        self._result(*parts)
        self._object({**value, "notes": self.notes})

    def trained_run(self, trained: Trained) -> None:
        """Scores of network and baselines, the verdict, and the paths of the files."""
        fits, folder = trained.fits, trained.run.path
        for number, fit in enumerate(fits, start=1):
            self._remark(
                f"{f'member {number}: ' if len(fits) > 1 else ''}"
                f"best epoch {fit.best_epoch} of {len(fit.history)}, stopped by {fit.stopped_by}; "
                f"{sum(epoch.seconds for epoch in fit.history):.1f} s"
            )
        scores = trained.metrics["test"]
        if scores is None:
            self._result("", UNJUDGED, "")
        else:
            self._result("", score_table(scores), "", step_table(scores), "", *remarks_on(scores))
        if trained.verdict is not None:
            self._result(trained.verdict.sentence(), *trained.remarks, "")
        self._result(
            f"Run folder: {folder}",
            f"Report:     {trained.run.report}",
            *([f"Forecast:   {trained.run.forecast}"] if trained.forecast is not None else []),
            f"Next:       lstmcast predict {folder} [DATA]",
        )
        self._object(
            {
                "run": str(folder),
                "best_epoch": fits[0].best_epoch,
                **({"best_epochs": [fit.best_epoch for fit in fits]} if len(fits) > 1 else {}),
                "metrics": trained.metrics,
                "report": str(trained.run.report),
                "forecast": None if trained.forecast is None else str(trained.run.forecast),
                "notes": self.notes,
            }
        )

    def complete(self, run: Path) -> None:
        """The run is complete already."""
        self._result(f"{run} is complete; there is nothing to resume.")
        if not (run / "report.html").is_file():
            self._result(f"Its report is missing: lstmcast report {run}")
        self._object({"run": str(run), "complete": True, "notes": self.notes})

    def predicted(self, predicted: Predicted, output: str) -> None:
        """Write a forecast to its output."""
        from lstmcast.pipeline.output import write_forecast

        forecast = predicted.forecast
        if output != "-" or not self.json:
            rows = write_forecast(forecast, output, predicted.shared)
            if output != "-":
                self._remark(f"{rows:,} rows written to {output}")
        if self.json:
            records = json.loads(forecast.to_json(orient="records", double_precision=15))
            path = None if output == "-" else output
            found = {"output": path, "forecast": records, "read": predicted.sources}
            self._object({**found, "notes": self.notes})

    def plotted(self, predicted: Predicted) -> None:
        """Draw a forecast with characters, instead of its table."""
        from lstmcast.terminal.plot import drawn

        for part in drawn(predicted, self.out.width, "utf" in self.out.encoding.lower()):
            self.out.print(part)

    def inspected(self, found: InspectionResult) -> None:
        """A network, layer by layer, and the requested trace of a window."""
        from lstmcast.inspection.as_json import as_data
        from lstmcast.inspection.text.page import page

        if self.json:
            self._object(as_data(found) | {"notes": self.notes})
        else:
            self._result(*page(found))

    def configs(self, shipped: list[Shipped]) -> None:
        """Print the list of shipped configs."""
        width = max(len(config.name) for config in shipped)
        self._result(*(f"{config.name:<{width}}  {config.headline()}" for config in shipped))
        found = [{"name": config.name, "about": config.headline()} for config in shipped]
        self._object({"configs": found, "notes": self.notes})

    def copied(self, paths: list[Path]) -> None:
        """Copied files, and the next command."""
        self._result(*(f"wrote {path}" for path in paths), f"Next: lstmcast train {paths[0]}")
        self._object({"files": [str(path) for path in paths], "notes": self.notes})

    def proposed(self, proposal: Proposal, text: str, output: Path | None) -> None:
        """A proposed config, or the path of its file."""
        if output is not None:
            self._result(f"wrote {output}", f"Next: lstmcast train {output}")
        elif not self.json:
            sys.stdout.write(text)
        found = {"output": None if output is None else str(output), **proposal.describe()}
        self._object({**found, "notes": self.notes})

    def text(self, text: str) -> None:
        """A text."""
        if self.json:
            self._object({"text": text})
        else:
            sys.stdout.write(text)

    def document(self, value: Any) -> None:
        """A JSON document."""
        print(json.dumps(value, indent=2, ensure_ascii=False))
