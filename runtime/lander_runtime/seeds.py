"""What each range of seeds is for. The ranges do not overlap: training never sees an episode that is scored.

    from        to           for
    0           899,999      training: every episode of a run
    900,000     949,999      selection: choosing the best weights of a run
    950,000     989,999      search: comparing settings (`lander sweep`, benchmarks/ablations.py)
    990,000     999,999      verification: the observations on which export compares a file with its network
    1,000,000   and above    evaluation

One seed gives different episodes in envpool and in Gymnasium. On the backend `native` only the first episode
of each lane has a seed; later ones go on with the lane's generator.
"""

FIRST_SELECTION_SEED = 900_000
"""Training uses only smaller seeds."""

FIRST_SEARCH_SEED = 950_000

FIRST_VERIFICATION_SEED = 990_000

SEARCH_EPISODES = FIRST_VERIFICATION_SEED - FIRST_SEARCH_SEED
"""The most that a search can score a setting over."""

FIRST_CALIBRATION_SEED = 991_000
"""From the verification's range: observations from which a file in int8 takes its ranges."""

FIRST_REDUCTION_SEED = 992_000
"""From the same: observations on which a file of smaller numbers is compared with the one in float32."""

FIRST_EVALUATION_SEED = 1_000_000
"""The default first seed of an evaluation."""

MAX_SEED = 2**63 - 1
"""The largest seed in a replay: many readers of JSON have 64-bit integers."""
