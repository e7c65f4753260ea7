from .gradients import LayerComparison, compare, worst_angle
from .locality import LocalityReport, check, specimen

__all__ = [
    "LayerComparison",
    "LocalityReport",
    "check",
    "compare",
    "specimen",
    "worst_angle",
]
