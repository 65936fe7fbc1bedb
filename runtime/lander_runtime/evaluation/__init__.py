"""N episodes of a policy, on one process, many, or a cluster, with the same result.

evaluate.py   the public function
engine.py     what an engine promises
job.py        an evaluation that can be sent elsewhere and done in parts
local.py      the engine in this process
processes.py  the engine of worker processes on this machine
ray.py        the engine of a Ray cluster
choosing.py   one of them by its name
"""
