"""The handwritten update in C++. A pass over a batch is one call, which does not hold Python's lock.

src/functions.hpp   exponential, logarithm, hyperbolic tangent
src/products.hpp    products of small matrices
src/perceptron.hpp  a multilayer perceptron, forward and backward
src/losses.hpp      derivatives of PPO's loss
src/adam.hpp        Adam, and the gradient's norm
src/network.hpp     passes over a batch, made of these
src/interface.cpp   what library.py loads
library.py          the compiled library, and why it may be missing
network.py          `Network`, which the updates call
build.py            `python -m lander_trainer.learners.kernels.build` compiles it

Every sum is taken in an order that does not depend on the width of the vectors, and no operation is fused:
so all processors and compilers give the same bits. The sources share vector.hpp with the simulator.
"""

from lander_trainer.learners.kernels.library import sources_digest, why_unavailable, widest_vectors
from lander_trainer.learners.kernels.network import Network

__all__ = ["Network", "sources_digest", "why_unavailable", "widest_vectors"]
