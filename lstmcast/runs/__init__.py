"""A run on disk: its folder, its lock, files written atomically, tensors."""
