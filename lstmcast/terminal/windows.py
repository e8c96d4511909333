"""Windows as terminal output and as JSON objects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from lstmcast.errors import size_words
from lstmcast.terminal.tables import Shown, cell

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.workflows.window import Windows


def shown_windows(plan: Windows, folder: Path | None, following: str) -> Shown:
    """Shapes, counts and sizes of windows, and the next command."""
    from lstmcast.workflows.window import describe_windows

    table = Table(box=None, pad_edge=False)
    for title in ("array", "axes", "shape"):
        table.add_column(title)
    described = describe_windows(plan)
    for name, shape in plan.shapes.items():
        axes = ", ".join(described["axes"][name].replace("F'", "G")).replace("G", "F'")
        table.add_row(f"{name}.npy", f"({axes})", str(tuple(shape)))
    counts = ", ".join(f"{count:,} {name}" for name, count in plan.counts.items())
    parts = [
        "",
        table,
        "",
        f"Windows:   {counts}; {plan.crossing:,} left out at splits",
        f"On disk:   {size_words(plan.disk_bytes)}; "
        f"training holds {size_words(plan.memory_bytes)} instead",
        *([] if folder is None else [f"Folder:    {folder}"]),
        f"Next:      {following}",
    ]
    value = {
        "folder": None if folder is None else str(folder),
        **{key: described[key] for key in ("shapes", "splits", "left_out", "columns")},
        "disk_bytes": plan.disk_bytes,
        "memory_bytes": plan.memory_bytes,
    }
    return parts, value


def shown_window(rows: pd.DataFrame, described: pd.DataFrame, number: int, plan: Windows) -> Shown:
    """One window, a line per step."""
    about = described.iloc[0]
    series = f", series {about['series']}" if about["series"] else ""
    title = (
        f"window {number} of {plan.shapes['x'][0]:,} (x[{number}]), {about['split']}{series}; "
        "values before scaling"
    )
    table = Table(box=None, pad_edge=False)
    for name in rows.columns:
        numeric = rows[name].dtype.kind == "f" or name == "row"
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for values in rows.itertuples(index=False):
        table.add_row(*(cell(value) for value in values))
    records = rows.astype(object).where(rows.notna(), None).to_dict(orient="records")
    value: dict[str, Any] = {"window": number, "split": about["split"], "series": about["series"]}
    return [title, "", table], {**value, "rows": records}
