"""Presets: named sets of network fields that fill what a config leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Each preset holds only what differs from the field defaults in `schema.NetworkConfig`.
# docs/accuracy.md has what speaks for them.
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

# What a preset would set, but does not beside a value that the user set: they do not go together.
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
    """The `network` section with the fields that its preset gives where none are set.

    A preset yields: what does not go with a field that is set stays as the schema has it.

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
