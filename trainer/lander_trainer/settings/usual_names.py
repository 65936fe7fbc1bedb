"""Short names that other libraries and papers have for our settings, as people type them from memory.

The names of Stable-Baselines3 are not here: `stable_baselines.py` has them, with where each stands there.
"""

from collections.abc import Mapping

_NAMES_OF: Mapping[str, str] = {
    "env": "env_id env_name gym_id task",
    "steps": "timesteps total_steps num_timesteps n_timesteps num_env_steps max_steps",
    "seed": "random_seed rng_seed",
    "lanes": "envs num_envs nenvs n_environments",
    "workers": "num_workers n_workers",
    "rollout_steps": "num_steps n_rollout_steps rollout_length unroll_length horizon",
    "epochs": "num_epochs ppo_epochs update_epochs k_epochs",
    "minibatches": "bs batch num_minibatches n_minibatches minibatch_size",
    "learning_rate": "lr",
    "gamma": "discount discount_factor",
    "gae_lambda": "lam lambda lambda_ td_lambda",
    "normalize_advantages": "norm_adv",
    "clip_range": "clip clip_coef clip_eps clip_epsilon clip_param clip_ratio",
    "clip_value": "clip_vloss clip_vf",
    "entropy_coef": "ent entropy beta",
    "value_coef": "vf vf_loss_coef value_loss_coef critic_coef",
    "max_grad_norm": "grad_clip clip_grad grad_norm",
    "target_kl": "kl kl_target desired_kl",
    "hidden_sizes": "hidden hidden_size hidden_dim hidden_dims layers units",
    "adam_epsilon": "eps adam_eps",
}
"""For each setting its names elsewhere."""

USUAL_NAMES: Mapping[str, str] = {name: ours for ours, names in _NAMES_OF.items() for name in names.split()}
"""For each name from elsewhere our setting."""
