"""The schema of a config: all sections, and what must hold between them.

The descriptions of the fields are the only ones: the help, the docs and the JSON schema for editors
are made from them. A field says its unit first, then its effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lstmcast.config.presets import fill_network
from lstmcast.config.sections_data import DataConfig
from lstmcast.config.sections_forecast import ForecastConfig
from lstmcast.config.sections_network import NetworkConfig
from lstmcast.config.sections_training import TrainingConfig
from lstmcast.config.sections_windows import ScaleConfig, SplitConfig, WindowConfig
from lstmcast.config.values import Rule, refuse


class Config(BaseModel):
    """One run of lstmcast: the table, the windows, the network and its training."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="lstmcast config")

    data: DataConfig = Field(description="The table and what its columns are.")
    split: SplitConfig = Field(
        default_factory=SplitConfig, description="Which rows validate and which test."
    )
    window: WindowConfig = Field(
        default_factory=WindowConfig, description="Steps in, steps out, and how windows follow."
    )
    scale: ScaleConfig = Field(
        default_factory=ScaleConfig, description="How columns are brought to one scale."
    )
    network: NetworkConfig = Field(
        default_factory=NetworkConfig,
        description="The recurrent network; without this section, the preset auto.",
    )
    training: TrainingConfig = Field(
        default_factory=TrainingConfig, description="How the network is trained."
    )
    forecast: ForecastConfig = Field(
        default_factory=ForecastConfig, description="What is done to the forecasts."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: Any) -> Any:
        """Fill the preset; a section with nothing under it (`split:`) is as good as left out."""
        if not isinstance(values, Mapping):
            return values
        kept = {name: section for name, section in values.items() if section is not None}
        return kept | {"network": fill_network(kept.get("network"))}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.data.time is None:
            refuse(
                [
                    (
                        f"split.{part}",
                        f"is a day ({value}), but there is no data.time; "
                        "name the time column, or give a fraction or a number of steps",
                    )
                    for part, value in self.split
                    if isinstance(value, str)
                ]
            )
        refuse(self._category_rules() + self._head_rules())
        return self

    def _head_rules(self) -> list[Rule]:
        """What a head cannot do with the loss, the levels and the scale that are asked for."""
        head, rules = self.network.head, list[Rule]()
        if head != "point" and self.training.loss != "auto":
            rules.append(
                ("training.loss", f"is for head: point; {head} has its own, so set it to auto")
            )
        if "smape" in self.training.loss and self.scale.transform != "none":
            rules.append(
                (
                    "training.loss",
                    f"{self.training.loss} is of the units of the data, and scale.transform is "
                    f"{self.scale.transform}; set one of them otherwise",
                )
            )
        if head == "quantiles" and not self.forecast.levels:
            rules.append(("network.head", "quantiles has none to forecast: forecast.levels is []"))
        if self.forecast.adaptive and not self.forecast.levels:
            rules.append(("forecast.adaptive", "has no bounds to adapt: forecast.levels is []"))
        if head in ("negative_binomial", "poisson") and self.scale.transform != "none":
            rules.append(
                (
                    "scale.transform",
                    f"does not go with head: {head}, which models the counts themselves; set it "
                    "to none",
                )
            )
        return rules

    def _category_rules(self) -> list[Rule]:
        """What the network does with categories must find some."""
        data, network = self.data, self.network
        rules: list[Rule] = []
        named = data.series or data.layout in ("wide", "rows")
        if network.embed_series and not named:
            rules.append(("network.embed_series", "has no effect without data.series"))
        embedded = data.categorical + (data.series if network.embed_series else [])
        # Of a wide table or one of rows, the column of series has no name before it is read.
        unnamed = network.embed_series and not data.series
        if network.embedding != "auto" and not embedded and not unnamed:
            rules.append(("network.embedding", "has no effect without data.categorical"))
        elif isinstance(network.embedding, dict):
            rules += [
                ("network.embedding", f"names '{name}', which is not a column of categories")
                for name in network.embedding
                if name not in embedded
            ]
        rules += [
            ("data.vectors", f"names '{name}' of data.series; set network.embed_series to true")
            for name in data.vectors
            if name not in embedded
        ]
        if network.train_vectors and not data.vectors:
            rules.append(("network.train_vectors", "has no effect without data.vectors"))
        return rules
