"""Time stamps: parsed, written back, their frequency inferred, their calendar."""
