"""TPE for a study that several processes share."""

from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial

_SEED = 1


class SampledByNumber(BaseSampler):
    """TPE with a generator for each trial, seeded by the number of the trial in its study.

    One generator for a whole process would draw the same settings in each of two processes that start
    together. A number belongs to one trial of a study, whichever process trains it.
    """

    def __init__(self) -> None:
        self._number = -1
        self._tpe = TPESampler()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._of(trial).sample_independent(study, trial, param_name, param_distribution)

    def _of(self, trial: FrozenTrial) -> TPESampler:
        """The sampler of `trial`; all settings of a trial are drawn before those of the next one."""
        if trial.number != self._number:
            # Mixed, because streams of NumPy's older generator from seeds in a row may be related.
            seed = int(np.random.SeedSequence((_SEED, trial.number)).generate_state(1)[0])
            self._number = trial.number
            self._tpe = TPESampler(seed=seed, multivariate=True, constant_liar=True)
        return self._tpe
