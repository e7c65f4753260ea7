from .dataset import Dataset
from .labels import check_labels
from .loading import load
from .scaling import Scaling, pixels_as_payloads

__all__ = ["Dataset", "Scaling", "check_labels", "load", "pixels_as_payloads"]
