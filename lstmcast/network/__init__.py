"""Recurrent networks over batches of windows. Knows batches, knows no file."""
