"""Boltzmann machines, which learn samples without targets, one at a time: the machine and its sampler, and their names (rbm-METHOD)."""
