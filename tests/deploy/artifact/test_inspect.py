"""An artifact's summary is counted from the laws, survives JSON, and describes itself in plain text."""

import json

import numpy as np
from hypothesis import given, settings
from random_programs import programs
from small_program import learner, plasticity

from neuromorph.deploy.artifact.file import Artifact
from neuromorph.deploy.artifact.inspect import WIDTH, describe, summary
from neuromorph.deploy.artifact.provenance import Provenance
from neuromorph.laws.dyad import DYAD
from neuromorph.laws.readout import READOUT
from neuromorph.program import Program, Synapse

PROVENANCE = Provenance(seed=5, data_set="digits", accuracies={"test": 0.5}, notes={"because": [1, "two"]})


def artifact(program: Program) -> Artifact:
    return Artifact(program, PROVENANCE)


@settings(max_examples=50, deadline=None)
@given(program=programs())
def test_a_summary_is_json_and_memory_adds_up(program: Program) -> None:
    content = summary(artifact(program))
    assert json.loads(json.dumps(content)) == content
    assert [n["name"] for n in content["nodes"]] == [n.name for n in program.nodes]
    for kind, bits in content["memory_bits"].items():
        assert bits == sum(n.get("memory_bits", {}).get(kind, 0) for n in content["nodes"])


@settings(max_examples=50, deadline=None)
@given(program=programs())
def test_a_description_is_plain_text_that_names_every_law_and_rule(program: Program) -> None:
    text = describe(artifact(program))
    assert all(line.isprintable() and line == line.rstrip() for line in text.split("\n"))
    assert all(population.law.name in text for population in program.populations)
    for synapse in program.synapses:
        if synapse.plasticity and synapse.plasticity.dw:
            assert synapse.plasticity.dw.text in " ".join(text.split())


def test_the_small_network_is_counted() -> None:
    content = summary(artifact(learner()))
    sizes = {"weights": 9 * (12 * 6 + 6 * 3 + 3 * 6), "traces": 7 * (12 + 2 * 6 + 6 + 2 * 3 + 3 + 2 * 6)}
    states = 6 * sum(v.bits for v in DYAD.states) + 3 * sum(v.bits for v in READOUT.states)
    assert {kind: content["memory_bits"][kind] for kind in (*sizes, "states")} == {**sizes, "states": states}
    assert (content["memory_bits"]["delays"], content["memory_bits"]["tags"]) == (0, 0)
    assert (content["neurons"], content["synapses"], content["step"]) == (9, 108, 0)
    assert content["provenance"]["accuracies"] == {"test": 0.5}
    (source,) = (n for n in content["nodes"] if n["kind"] == "source")
    assert (source["frames"], source["hold"], source["steps"]) == (5, 6, 30)
    assert "x.image -> w1.s_in" in content["links"]


def test_tags_and_delays_cost_what_rules_use() -> None:
    tagged = Synapse("w", (2, 3), np.ones((2, 3)), plasticity=plasticity(dd="x0*y3", dt="x0*y3"))
    delayed = Synapse("d", (2, 3), [1, 2], index=np.array([[0, 1], [0, 2]]), delays=np.array([0, 7]))
    memory = summary(artifact(Program((tagged, delayed), ())))["memory_bits"]
    assert (memory["tags"], memory["delays"]) == ((8 + 9) * 6, 6 * 2)
    assert memory["weights"] == 9 * 6 + 8 * 2


def test_a_tied_synapse_has_no_memory_of_its_own() -> None:
    (node,) = (n for n in summary(artifact(learner(tied=True)))["nodes"] if n["name"] == "b")
    assert (node["tied_to"], node["synapses"], node["memory_bits"]["weights"]) == ("w2", 0, 0)


def test_a_description_says_where_it_comes_from() -> None:
    lines = describe(artifact(learner())).splitlines()
    assert lines[0] == "neuromorph artifact, schema 3, after step 0: 9 neurons, 108 synapses"
    assert {"seed: 5", 'data_set: "digits"', 'accuracies: {"test": 0.5}'} <= set(lines)
    assert "w1: dw = 2^-1*x0*x1*y3*(y1-64)" in lines
    assert max(map(len, lines)) <= WIDTH
