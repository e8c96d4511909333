"""Forecasts in original units: network, baselines, prediction intervals, fallback."""
