"""Lets the tests, and Lava's search for ProcessModels, import specimens.py by its bare name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
