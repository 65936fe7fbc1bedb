"""Compiles the learner: `python -m lander_trainer.learners.kernels.build`. Installing does the same."""

from pathlib import Path

from lander_simulator.build import Library, main

LEARNER = Library("lander_learner", Path(__file__).resolve().parent)

if __name__ == "__main__":
    raise SystemExit(main(LEARNER, "Compile the learner for this machine."))
