"""How everything looks on a terminal: results on stdout, progress and notes on stderr."""
