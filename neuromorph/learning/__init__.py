"""Learning rules in batches (PyTorch), and their trainer.

rule.py says what a rule is and registry.py finds one by name: ours (rules), forms made of them (phases), the user's own (own_rule.py).
network is what rules train, training the loop that does so; relaxing holds how states settle. Boltzmann machines stand apart.
"""

from neuromorph.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
