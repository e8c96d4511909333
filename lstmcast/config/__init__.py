"""The config: its schema, and the way from YAML and overrides to a frozen, checked `Config`."""

from lstmcast.config.load import (
    build_config,
    dump_config,
    dump_field,
    load_config,
    parse_overrides,
)
from lstmcast.config.presets import PRESETS
from lstmcast.config.schema import Config
from lstmcast.config.sections_data import DataConfig
from lstmcast.config.sections_forecast import ForecastConfig
from lstmcast.config.sections_network import NetworkConfig
from lstmcast.config.sections_training import TrainingConfig
from lstmcast.config.sections_windows import ScaleConfig, SplitConfig, WindowConfig
from lstmcast.config.shapes import FieldWords, fields, json_schema

__all__ = [
    "PRESETS",
    "Config",
    "DataConfig",
    "FieldWords",
    "ForecastConfig",
    "NetworkConfig",
    "ScaleConfig",
    "SplitConfig",
    "TrainingConfig",
    "WindowConfig",
    "build_config",
    "dump_config",
    "dump_field",
    "fields",
    "json_schema",
    "load_config",
    "parse_overrides",
]
