"""The model file: its format, what is checked before it is believed, reading and writing."""
