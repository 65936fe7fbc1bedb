"""What Stable-Baselines3 calls our settings, for readers who come from there (version 2.7).

A name alone is an argument of `PPO`; anything else says where it stands. Settings that are missing here have
no counterpart there.
"""

import re
from collections.abc import Mapping

STABLE_BASELINES_NAMES: Mapping[str, str] = {
    "env": "env",
    "steps": "total_timesteps of learn()",
    "seed": "seed",
    "backend": "vec_env_cls of make_vec_env()",
    "device": "device",
    "lanes": "n_envs of make_vec_env()",
    "rollout_steps": "n_steps",
    "epochs": "n_epochs",
    "minibatches": "batch_size = n_envs * n_steps / minibatches",
    "learning_rate": "learning_rate",
    "anneal": "learning_rate as a function of the progress left",
    "gamma": "gamma",
    "gae": "gae_lambda = 1 for off",
    "gae_lambda": "gae_lambda",
    "normalize_advantages": "normalize_advantage",
    "clip_range": "clip_range",
    "clip_value": "clip_range_vf = clip_range for on",
    "entropy_coef": "ent_coef",
    "value_coef": "vf_coef",
    "max_grad_norm": "max_grad_norm (actor and critic together)",
    "target_kl": "target_kl",
    "normalize_rewards": "norm_reward of VecNormalize",
    "normalize_observations": "norm_obs of VecNormalize",
    "hidden_sizes": "policy_kwargs net_arch",
    "activation": "policy_kwargs activation_fn",
    "adam_epsilon": "policy_kwargs optimizer_kwargs eps",
    "selection_episodes": "n_eval_episodes of EvalCallback",
    "selections": "eval_freq of EvalCallback (steps between)",
    "checkpoint_seconds": "save_freq of CheckpointCallback (steps)",
    "target_score": "reward_threshold of StopTrainingOnRewardThreshold",
    "env_kwargs": "env_kwargs of make_vec_env()",
    "env_wrappers": "wrapper_class of make_vec_env()",
}


def our_name(theirs: str) -> str | None:
    """Our setting for an argument of theirs, such as `rollout_steps` for `n_steps`; None if there is none."""
    for ours, description in STABLE_BASELINES_NAMES.items():
        names = re.findall(r"[a-z]+(?:_[a-z0-9]+)+|^[a-z]+", description)
        if theirs in names:
            return ours
    return None
