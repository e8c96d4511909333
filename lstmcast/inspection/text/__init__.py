"""The results of `inspect` as text and tables, 80 columns wide."""
