"""Runs N episodes of a policy in one process, several, or a cluster, with the same result.

evaluate.py   the public function
engine.py     the protocol of engines, which run the episodes
job.py        an evaluation that can be sent to another process and run in parts
local.py      the engine in this process
processes.py  the engine with worker processes on this machine
ray.py        the engine on a Ray cluster
choosing.py   an engine by its name
"""
