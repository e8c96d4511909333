"""Presets: named sets of values for network fields that a config does not set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Each preset holds only what differs from the field defaults in `sections_network.NetworkConfig`.
# docs/accuracy.md has the evidence for them.
PRESETS: dict[str, dict[str, Any]] = {
    "plain": {},
    "auto": {"normalize": "last", "units": [64], "dropout": 0.1, "skip": "ridge"},
    "segments": {
        "normalize": "last",
        "units": [128],
        "channels": "independent",
        "segment": "auto",
        "decoder": "segments",
        "skip": "ridge",
    },
    "hybrid": {
        "normalize": "difference",
        "units": [128],
        "dropout": 0.3,
        "channels": "independent",
        "segment": "auto",
        "decoder": "segments",
        "skip": "linear",
    },
}

ANY = object()
"""Stands for every value."""

# Values that a preset does not set if the user set an incompatible value.
YIELDS: dict[str, dict[Any, dict[str, Any]]] = {
    "decoder": {
        "every_step": {"normalize": ANY, "skip": ANY, "segment": ANY},
        "recursive": {"normalize": "difference", "skip": ANY, "segment": ANY},
        "seq2seq": {"normalize": "difference"},
    },
    "bidirectional": {True: {"decoder": ANY}},
    "readout": {"state": {"decoder": ANY}, "mean": {"decoder": ANY}, "all": {"decoder": ANY}},
}


def fill_network(network: Any) -> Any:
    """The `network` section, with the values of its preset for fields that are not set.

    A preset yields: a value that is incompatible with a field of the user keeps its default.

    Args:
        network: The section as the user gave it; None where the config has none, which asks
            for the preset `auto`. A section that names no preset asks for `plain`.

    Returns:
        A new dict that names its preset; what is no mapping, or names an unknown preset, comes
        back as it is, for the schema to refuse.
    """
    if network is None:
        network = {"preset": "auto"}
    if not isinstance(network, Mapping):
        return network
    name = network.get("preset", "plain")
    if not isinstance(name, str) or name not in PRESETS:
        return network
    filled = dict(PRESETS[name])
    for field, values in YIELDS.items():
        given = network.get(field)
        yields = values.get(given, {}) if isinstance(given, str | bool) else {}
        for other, value in yields.items():
            if value is ANY or filled.get(other) == value:
                filled.pop(other, None)
    return {"preset": name} | filled | dict(network)
