"""Recurrent layers by compiled code of our own, and the way to it."""
