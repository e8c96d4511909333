"""A prepared table becomes its untrained network."""

from __future__ import annotations

import torch

from lstmcast.config import NetworkConfig
from lstmcast.errors import ConfigError
from lstmcast.network.forecaster import Forecaster, build_forecaster
from lstmcast.network.precision import choose_precision, use_precision
from lstmcast.network.sizes import Category, Sizes, embedding_width
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.warm_start import load_initial_weights


def sizes_of(prepared: Prepared) -> Sizes:
    """Axes of the windows of a prepared table.

    Raises:
        ConfigError: A window is too short for `difference`; or see `categories_of`.
    """
    panel, window = prepared.panel, prepared.config.window
    columns = panel.columns
    network = prepared.config.network
    season = panel.frequency.season
    if network.normalize == "difference" and window.lookback <= season:
        raise ConfigError(
            f"network.normalize: difference subtracts the previous season, but a lookback of "
            f"{window.lookback} steps has at most one season of {season}; set "
            f"window.lookback to {2 * season} or more, or network.normalize to last"
        )
    return Sizes(
        window.lookback,
        window.horizon,
        inputs=len(columns.inputs),
        targets=len(columns.targets),
        future=len(columns.future),
        static=len(columns.static),
        categories=categories_of(prepared),
        levels=tuple(prepared.config.forecast.levels if network.head == "quantiles" else ()),
        season=season if needs_season(network) else 1,
    )


def needs_season(network: NetworkConfig) -> bool:
    """Whether the structure of a network depends on the season of its table."""
    return network.normalize in ("season", "difference") or network.segment == "auto"


def categories_of(prepared: Prepared) -> tuple[Category, ...]:
    """The categorical columns, with the widths of their embeddings.

    Raises:
        ConfigError: A configured width differs from the width of the given vectors.
    """
    panel, network = prepared.panel, prepared.config.network
    categories = []
    places = [(k, False) for k in panel.coded_inputs] + [(k, True) for k in panel.coded_static]
    for place, static in places:
        column = (panel.columns.static if static else panel.columns.inputs)[place]
        count, given = len(panel.words[column]), prepared.vectors.get(column)
        asked = network.embedding
        width = asked.get(column, "auto") if isinstance(asked, dict) else asked
        natural = embedding_width(count) if given is None else given.width
        if given is not None and width not in ("auto", natural):
            raise ConfigError(
                f"network.embedding: '{column}' is set to {width} numbers, but the vectors in "
                f"{prepared.config.data.vectors[column]} have {natural}; set it to auto, or name "
                "only the other columns"
            )
        width = natural if width == "auto" else width
        fixed = given is not None and not network.train_vectors
        categories.append(Category(column, static, place, count, int(width), fixed))
    return tuple(categories)


def new_network(
    prepared: Prepared, sizes: Sizes, device: torch.device, member: int = 0
) -> Forecaster:
    """An untrained network; each member, counted from 0, has its own random seed.

    Raises:
        ConfigError: It does not fit into memory, differs from the network of `training.init_from`,
            or does not support `training.precision`.
        RunError: The run of `training.init_from` is missing or damaged.
    """
    config = prepared.config
    try:
        seed = config.training.seed + member
        network = build_forecaster(config.network, sizes, config.training.loss, seed)
        for column, vectors in prepared.vectors.items():
            known, unknown = torch.from_numpy(vectors.known), torch.from_numpy(vectors.unknown)
            network.embedder.give_vectors(column, known, unknown)
        if config.training.init_from is not None:
            load_initial_weights(network, prepared.vocabulary, config.training.init_from, member)
        use_precision(network, choose_precision(config.training.precision, config.network, device))
        return network.to(device)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise ConfigError(
            f"network.units {config.network.units}: the network does not fit into memory; "
            "make it smaller"
        ) from error
