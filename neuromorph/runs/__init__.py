"""Runs: what a training is, its folder, and how it is begun, gone on with and made longer."""
