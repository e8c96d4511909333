"""`lstmcast report`: the page of a run folder, and its charts as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lstmcast.reporting.page_files import write_images, write_report


def report(run: Path, folders: Mapping[str, Path | None]) -> tuple[Path, list[Path]]:
    """Write the page of a run, or of a backtest, again.

    Args:
        run: A run folder, or a folder in its `backtests`.
        folders: By format, png or svg, the folder of the charts; None: no charts.

    Returns:
        The page, and the files of the charts.

    Raises:
        ConfigError: The package that draws charts is not installed.
        RunError: It is not such a folder, is damaged, or cannot be written.
    """
    return write_report(run), write_images(run, folders)
