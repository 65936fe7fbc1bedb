"""What flies the episodes of an evaluation. A new way is one file here and one line where it is chosen.

job.py          what every worker needs to know, and any part of its episodes on demand
here.py         this process
processes.py    worker processes on this machine
ray.py          a cluster; not imported here, because Ray is an extra
"""

from lander_runtime.engines.engine import Engine
from lander_runtime.engines.here import Here
from lander_runtime.engines.job import Job
from lander_runtime.engines.processes import Processes

__all__ = ["Engine", "Here", "Job", "Processes"]
