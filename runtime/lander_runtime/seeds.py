"""Which seeds are for what. The ranges never meet, so that no score is of episodes that training has seen.

    from        to           for
    0           899,999      training: every episode of a run
    900,000     949,999      selection: choosing the best weights of a run
    950,000     989,999      search: comparing settings (benchmarks/trials.py)
    990,000     999,999      verification: the observations on which export compares a file with its network
    1,000,000   and above    evaluation

envpool's seeds mean other episodes than Gymnasium's.
"""

FIRST_SELECTION_SEED = 900_000
"""Training uses only seeds below."""

FIRST_SEARCH_SEED = 950_000

FIRST_VERIFICATION_SEED = 990_000

FIRST_EVALUATION_SEED = 1_000_000
"""Where scoring starts unless the caller says otherwise."""

MAX_SEED = 2**63 - 1
"""The largest seed that a replay may hold: no reader of JSON has to hold larger integers."""
