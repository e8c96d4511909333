"""The schema of a config: all sections; `rules` says which of their fields do not go together.

The descriptions of the fields are the only ones: the help, the docs and the JSON schema for editors
are made from them. A field says its unit first, then its effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lstmcast.config.presets import fill_network
from lstmcast.config.rules import BETWEEN_SECTIONS, OF_SECTION, refuse
from lstmcast.config.sections_data import DataConfig
from lstmcast.config.sections_forecast import ForecastConfig
from lstmcast.config.sections_network import NetworkConfig
from lstmcast.config.sections_training import TrainingConfig
from lstmcast.config.sections_windows import ScaleConfig, SplitConfig, WindowConfig
from lstmcast.config.values import Section


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

    @field_validator("*")
    @classmethod
    def _check_section(cls, section: Section) -> Section:
        refuse(OF_SECTION.get(type(section), []), section)
        return section

    @model_validator(mode="after")
    def _check_between_sections(self) -> Self:
        refuse(BETWEEN_SECTIONS, self)
        return self
