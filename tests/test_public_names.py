"""`import neuromorph` offers its names, and loads what they need only when they are used."""

from importlib import import_module

import pytest

import neuromorph


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("Program", "neuromorph.program"),
        ("check_bits", "neuromorph.processes.equivalence"),
        ("lower", "neuromorph.processes.lowering"),
        ("simulate", "neuromorph.processes.lowering"),
    ],
)
def test_a_name_is_the_one_of_its_home(name: str, home: str) -> None:
    assert getattr(neuromorph, name) is getattr(import_module(home), name)


def test_all_names_are_listed() -> None:
    assert set(neuromorph.__all__) <= set(dir(neuromorph))


def test_an_unknown_name_is_an_attribute_error_that_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"'lowre'.*check_bits, lower, simulate"):
        _ = neuromorph.lowre
