"""One file per command: every step of it, in order."""
