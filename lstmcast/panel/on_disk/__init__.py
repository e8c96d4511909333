"""Tables larger than memory: read once in pieces, into files that are mapped."""
