"""Time stamps: parsing, writing, inference of the frequency, calendar features."""
