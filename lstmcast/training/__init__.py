"""The loop that fits a network to batches. Knows nothing of forecasts and files."""
