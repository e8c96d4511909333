"""Backtests: rolling origins, refits, what is kept of them, and the gate on scores."""
