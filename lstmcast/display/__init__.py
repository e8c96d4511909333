"""How results stand on a terminal, and the same as one object for scripts."""
