"""The training loop: fits a network to batches. Independent of forecasts and tables."""
