"""The content of a page, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lstmcast.reporting.axis import Axis, axis_of, season_names
from lstmcast.reporting.charts import Chart, Section
from lstmcast.reporting.contents import Contents
from lstmcast.reporting.error_statistics import collect_errors
from lstmcast.reporting.figures import (
    coverage_chart,
    coverage_step_chart,
    fold_chart,
    learning_chart,
    step_chart,
)
from lstmcast.reporting.figures_errors import calendar_chart, pooled_charts
from lstmcast.reporting.figures_series import series_charts
from lstmcast.reporting.packing import Packed, pack
from lstmcast.reporting.scores import ScoreTable
from lstmcast.reporting.series_results import Item, items_of
from lstmcast.reporting.summary import (
    Entry,
    Facts,
    about_scores,
    data_facts_of,
    facts_of,
    groups_of,
    made_by,
    made_with_of,
    repeat_of,
    subtitle_of,
    tables_of,
    title_of,
)


@dataclass(frozen=True)
class Story:
    """The content of a page.

    Attributes:
        title: Of the page.
        subtitle: What was forecast, in a line.
        verdict: In a sentence.
        beats: Whether the network beats the best baseline; None without a test.
        facts: A few numbers, with what they are.
        tables: Scores, each with a heading.
        about_scores: What they mean.
        made_by: Methods of the forecasts after the last row; empty if the network made all.
        groups: Series to choose from, under the name of their group.
        packed: Their numbers.
        series: Charts of the chosen series.
        which: Forecasts that the scores of a series include.
        sections: All other charts.
        notes: Sentences about the table.
        findings: Findings of `check`; None if it did not run.
        data_facts: Facts about the table.
        made_with: Versions, machine and training.
        repeat: The command that reproduces the folder.
        backtests: Of this run: folder, folds, verdict.
        config: As YAML.
    """

    title: str
    subtitle: str
    verdict: str
    beats: bool | None
    facts: Facts
    tables: list[tuple[str, ScoreTable]]
    about_scores: str
    made_by: str
    groups: dict[str, list[Entry]]
    packed: Packed
    series: list[Chart]
    which: str
    sections: list[Section]
    notes: list[str]
    findings: list[dict[str, Any]] | None
    data_facts: Facts
    made_with: Facts
    repeat: str
    backtests: list[tuple[str, str, str]]
    config: str

    def charts(self) -> Iterator[Chart]:
        """Every chart of the page."""
        yield from self.series
        for section in self.sections:
            yield from section.charts


def story_of(contents: Contents) -> Story:
    """The content of the page of a folder."""
    dates = dates_of(contents)
    layout = contents.layout
    items = items_of(dates, layout, contents.test, contents.recent, contents.future)
    season = season_names(dates)
    packed = pack(items, layout.levels, dates, season)
    verdict = contents.metrics.get("verdict")
    return Story(
        title=title_of(contents),
        subtitle=subtitle_of(contents, items),
        verdict=verdict["sentence"] if verdict else UNTESTED,
        beats=verdict["beats"] if verdict else None,
        facts=facts_of(contents),
        tables=tables_of(contents),
        about_scores=about_scores(contents),
        made_by=made_by(items),
        groups=groups_of(items, packed),
        packed=packed,
        series=series_charts(layout.levels, dates, season) if items else [],
        which="of all folds" if contents.is_backtest else "from forecasts one horizon apart",
        sections=sections_of(contents, items, dates),
        notes=contents.notes,
        findings=contents.findings,
        data_facts=data_facts_of(contents),
        made_with=made_with_of(contents),
        repeat=repeat_of(contents),
        backtests=[
            (name, f"{len(found['folds'])}", found["verdict"]["sentence"])
            for name, found in contents.backtests.items()
        ],
        config=contents.config_text,
    )


UNTESTED = "The network was not tested: there is no test window (split.test, window.horizon)."


def dates_of(contents: Contents) -> Axis:
    """The time axis of all tables of a folder."""
    data = contents.manifest.get("data", {})
    tables = [t for t in (contents.test, contents.recent, contents.future) if t is not None]
    texts = [t.times.categories.to_numpy() for t in tables]
    timed, form = contents.layout.time is not None, contents.config.data.time_format
    return axis_of(texts, timed, form, data.get("frequency", ""), data.get("season", 0))


def sections_of(contents: Contents, items: list[Item], dates: Axis) -> list[Section]:
    """All charts except those of the chosen series."""
    sections = []
    if contents.scores is not None:
        charts = [
            step_chart(contents.scores),
            coverage_chart(contents.scores),
            coverage_step_chart(contents.scores),
        ]
        if contents.is_backtest:
            charts.insert(0, fold_chart(contents.metrics["folds"]))
        made = [chart for chart in charts if chart is not None]
        sections.append(Section("quality", "Accuracy and coverage", "", made))
        sections.append(errors_section(items, dates))
    if contents.history is not None and len(contents.history):
        training = contents.manifest["training"]
        bests = [member["best_epoch"] for member in training.get("members", [training])]
        chart = learning_chart(contents.history, bests, training["refit"] == "all")
        sections.append(Section("training", "Training", "", [chart]))
    return [section for section in sections if section.charts]


def errors_section(items: list[Item], dates: Axis) -> Section:
    """Errors of all series together, and on a calendar."""
    errors = collect_errors(items)
    several = errors.count > 1 and len(errors.values) > 0
    charts = pooled_charts(items, errors, dates, season_names(dates)) if several else []
    found = calendar_chart(errors, dates)
    about = (
        "Each error is divided by the mean seasonal change of its series, so that large and small "
        "series have equal weight."
    )
    return Section(
        "errors",
        "Errors, all series together" if charts else "Errors",
        about if charts else "",
        [*charts, *([found] if found is not None else [])],
    )
