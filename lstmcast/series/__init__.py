"""From a table of rows to batches of windows: pandas and numpy in, arrays out."""
