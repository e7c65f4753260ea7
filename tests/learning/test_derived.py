"""Rules that are made of others can be sent to another process."""

import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch

from neuromorph.learning.network.network import Network
from neuromorph.learning.registry import RULES, make_rule, rule_class
from neuromorph.learning.rule import Batch, Rule

DERIVED = ("ste+dp", "adaste+ep-isd", "ste+ep-always-on")


def batch() -> Batch:
    x = torch.rand(4, 6, generator=torch.Generator().manual_seed(0))
    return Batch(x, torch.eye(3)[[0, 1, 2, 0]], torch.arange(4))


def stepped(rule: Rule, network: Network) -> dict[str, list[Any]]:
    with torch.no_grad():
        return {name: update.tolist() for name, update in rule.step(network, batch()).updates.items()}


@pytest.mark.parametrize("name", [*RULES, *DERIVED])
def test_a_rule_and_its_class_come_back_from_pickle_as_they_were(name: str) -> None:
    rule = make_rule(name)
    again = pickle.loads(pickle.dumps(rule))
    assert pickle.loads(pickle.dumps(type(rule))) is type(rule) is type(again) is rule_class(name)
    assert again == rule


STEPS = """
import pickle, sys, torch
rules, networks, batch = pickle.load(sys.stdin.buffer)
with torch.no_grad():
    found = [{k: u.tolist() for k, u in r.step(n, batch).updates.items()} for r, n in zip(rules, networks)]
sys.stdout.buffer.write(pickle.dumps(found))
"""


def test_another_process_makes_the_same_step() -> None:
    """A fresh interpreter, which has made none of these classes before."""
    rules = [make_rule(name) for name in DERIVED]
    networks = [rule.build((6, 5, 3)) for rule in rules]
    sent = pickle.dumps((rules, networks, batch()))
    done = subprocess.run([sys.executable, "-c", STEPS], input=sent, capture_output=True, check=True, timeout=120)
    assert pickle.loads(done.stdout) == [stepped(rule, network) for rule, network in zip(rules, networks, strict=True)]
