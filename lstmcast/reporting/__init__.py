"""Figures and pages, made from arrays and run folders; no torch."""
