from .engine import Engine
from .online import OnlineTraining, accuracy, answers, predict, present

__all__ = [
    "Engine",
    "OnlineTraining",
    "accuracy",
    "answers",
    "predict",
    "present",
]
