"""The law of schema2.nmh5. A law is known by its source: this file is never changed again."""

from neuromorph.laws.law import Law, Variable
from neuromorph.laws.noise import make_draw


def make(ops):
    clip, select, floor_down, draw = ops.clip, ops.select, ops.floor_down, make_draw(ops)

    def step(t, a_in, gate, v, leak, key):
        v = clip(v - floor_down(v, leak) + gate * a_in + floor_down(draw(key, t), 28), -1000, 1000)
        return v, select(v > 50, 2, 0)

    return ops.function(step)


OLD = Law(
    name="old",
    inputs=(Variable("a_in", -100, 100, "input"), Variable("gate", 0, 1, "opens", shared=True)),
    outputs=(Variable("s_out", 0, 2, "spike", even=True),),
    states=(Variable("v", -1000, 1000, "voltage"),),
    parameters=(Variable("leak", 1, 15, "leak", default=4, shared=True), Variable("key", 0, 2**31 - 1, "of the noise")),
    make=make,
)
