from .gradients import LayerComparison, check_gradient, worst_angle
from .locality import LocalityReport, check_locality, specimen

__all__ = [
    "LayerComparison",
    "LocalityReport",
    "check_gradient",
    "check_locality",
    "specimen",
    "worst_angle",
]
