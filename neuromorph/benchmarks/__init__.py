"""Measurements: `neuromorph bench`."""
