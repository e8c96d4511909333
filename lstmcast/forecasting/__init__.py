"""Forecasts in original units, the baselines beside them, and how both are judged."""
