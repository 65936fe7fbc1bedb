"""The scripts in benchmarks/ are no package; the tests import them as the scripts import one another."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
