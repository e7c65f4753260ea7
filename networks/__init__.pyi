from .dyadic_mlp.network import DyadicMLP
from .dyadic_mlp.recipe import Recipe, recipe_for

__all__ = [
    "DyadicMLP",
    "Recipe",
    "recipe_for",
]
