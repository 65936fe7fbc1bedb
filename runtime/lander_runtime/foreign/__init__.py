"""Other people's ONNX files, matched to an environment.

opening.py           a policy file of any origin
foreign.py           `ForeignPolicy`: such a file, ready to act
external_weights.py  weights that are stored in other files
plan.py              what inputs and outputs are for, before anything runs
names.py             words in names of inputs and outputs, and what they tell
signature.py         which input takes the observation, which output is the action: rules without files
matching.py          finds out by trial runs how a graph fits an environment
preparation.py       normalising or scaling observations in front of a graph
feeding.py           observations, states and flags as inputs; outputs row by row
action_range.py      the units of continuous actions
assumptions.py       what is assumed, in sentences
analysis/            what can be seen in a graph alone
trying/              what trial runs of it show
"""
