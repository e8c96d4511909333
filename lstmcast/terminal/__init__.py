"""Terminal output: results on stdout, progress and notes on stderr."""
