"""A small daily table, and settings that train on it in tenths of a second."""

import numpy as np

TINY = ["-s", "network.units=4", "-s", "training.max_epochs=2", "-s", "training.batch_size=32"]
"""Overrides that make training a matter of tenths of a second."""


def daily_text(rows=120, header="date,sales", start="2024-01-01", seed=0):
    """A daily CSV with a weekly season, one target."""
    days = np.datetime64(start) + np.arange(rows)
    noise = np.random.default_rng(seed).normal(0, 1, rows)
    sales = 50 + 10 * np.sin(2 * np.pi * np.arange(rows) / 7) + noise
    body = (f"{day},{value:.2f}" for day, value in zip(days, sales, strict=True))
    return "\n".join([header, *body]) + "\n"
