"""Tables larger than memory: read once, in pieces, into memory-mapped files."""
