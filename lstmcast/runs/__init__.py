"""A run on disk: its folder, its lock, files written whole or not at all, tensors."""
