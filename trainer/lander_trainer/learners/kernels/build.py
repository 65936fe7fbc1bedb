"""Compiles the learner: `python -m lander_trainer.learners.kernels.build`. Installing does the same."""

from lander_simulator.build import main
from lander_trainer.learners.kernels.library import LEARNER

if __name__ == "__main__":
    raise SystemExit(main(LEARNER, "Compile the learner for this machine."))
