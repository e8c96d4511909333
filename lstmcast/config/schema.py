"""The schema of a config: all sections; `rules` has the incompatible combinations of fields.

Help, docs and the JSON schema for editors use the descriptions of the fields. A description gives
the unit first, then the effect.
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

    data: DataConfig = Field(description="The table and the roles of its columns.")
    split: SplitConfig = Field(
        default_factory=SplitConfig, description="Which rows validate and which test."
    )
    window: WindowConfig = Field(
        default_factory=WindowConfig,
        description="Steps of input, steps to forecast, and the stride between windows.",
    )
    scale: ScaleConfig = Field(default_factory=ScaleConfig, description="Scaling of the columns.")
    network: NetworkConfig = Field(
        default_factory=NetworkConfig,
        description="The recurrent network; without this section, the preset auto.",
    )
    training: TrainingConfig = Field(
        default_factory=TrainingConfig, description="How the network is trained."
    )
    forecast: ForecastConfig = Field(
        default_factory=ForecastConfig,
        description="Prediction intervals and limits of the forecasts.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: Any) -> Any:
        """Fill in the preset; an empty section (`split:`) counts as left out."""
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
