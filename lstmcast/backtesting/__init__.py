"""Backtests: rolling origins, refits, their record, and the gate on scores."""
