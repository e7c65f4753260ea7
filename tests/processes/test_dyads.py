"""Dyads in Lava's models: the fixed point of dual propagation, backpropagation's gradient, and what the chip adds."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lava.proc.io.source import RingBuffer as Source
from lava.proc.io.sink import RingBuffer as Sink

from neuromorph.errors import LavaRunError, RangeError
from neuromorph.learning.dual_propagation import settle
from neuromorph.processes.dyads.process import Dyads
from neuromorph.processes.equivalence.stepper import LavaStepper
from neuromorph.processes.presenter.process import Presenter
from tests.processes.wiring import UNBOUNDED, Network, read, wire
