"""One file per command: the whole story, read top to bottom."""
