"""What `study.py` searches: the settings with their ranges. Runs nothing, so a test can check them."""

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

# Around the preset, and only settings that keep its speed; ablations.py tries larger changes, one at a time
# (value clipping, no annealing, wider networks and others).
SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-3, 6e-3, log=True),
    "entropy_coef": FloatDistribution(1e-3, 2e-2, log=True),
    "gamma": CategoricalDistribution([0.995, 0.998, 0.999]),
    "gae_lambda": FloatDistribution(0.94, 0.99),
    "clip_range": FloatDistribution(0.1, 0.3),
    "epochs": IntDistribution(3, 6),
    "minibatches": CategoricalDistribution([8, 16, 32]),
    "lanes": CategoricalDistribution([32, 64]),
    "rollout_steps": CategoricalDistribution([32, 64, 128]),
    "reward_scale": FloatDistribution(0.02, 0.1, log=True),
    "max_grad_norm": FloatDistribution(0.3, 2.0),
    "value_coef": FloatDistribution(0.25, 1.0),
}
