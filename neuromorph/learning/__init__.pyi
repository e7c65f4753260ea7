from .boltzmann.machine import BoltzmannMachine, Sampler
from .network.losses import make_loss
from .network.network import Network, convolutional, mlp, small_vgg, vgg16
from .registry import RULES, make_rule, rule_class
from .rule import Batch, Outcome, Rule, Settings
from .training.trainer import Trainer

__all__ = [
    "RULES",
    "Batch",
    "BoltzmannMachine",
    "Network",
    "Outcome",
    "Rule",
    "Sampler",
    "Settings",
    "Trainer",
    "convolutional",
    "make_loss",
    "make_rule",
    "mlp",
    "rule_class",
    "small_vgg",
    "vgg16",
]
