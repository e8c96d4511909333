"""The model file: format, checks, reading and writing."""
