"""Operators that multiply and add: matrices, convolutions, recurrent layers, attention.

Convolutions are also where ONNX Runtime divides by what a file says, such as a stride.
"""

import math
from collections.abc import Sequence

from lander_runtime.graphs.bounds.call import FLOAT, INT32, Call, Held, unknown
from lander_runtime.graphs.bounds.elementwise import broadcasted

_SLOW = 16
"""Products that are not of single precision, or that no library does."""

_EACH = 1024
"""Work a matrix, picture or head besides its products: 0.2 microseconds, measured."""

_WIDEST = 1 << 16
"""Kernels, strides and the like that a policy may have."""


def matmul(call: Call) -> list[Held]:
    """Matrices, or stacks of them."""
    second = 3 if call.node.operator == "QLinearMatMul" else 1
    left, right = call.given(0), call.given(second)
    if not left.dims or not right.dims:
        call.refuse("multiplies a value without axes")
    a = left.dims if len(left.dims) > 1 else (1, *left.dims)
    b = right.dims if len(right.dims) > 1 else (*right.dims, 1)
    batch, exact = broadcasted([unknown(FLOAT, a[:-2], left.exact), unknown(FLOAT, b[:-2], right.exact)])
    dims = [*batch]
    if len(left.dims) > 1:
        dims.append(a[-2])
    if len(right.dims) > 1:
        dims.append(b[-1])
    _spend(call, math.prod(batch) * a[-2] * a[-1] * b[-1])
    # Where the second is a vector, each row is multiplied alone.
    call.work += _EACH * math.prod(batch) * (a[-2] if len(right.dims) == 1 else 1)
    element = {"MatMulInteger": INT32, "QLinearMatMul": _last_element(call, 7)}.get(
        call.node.operator, left.element
    )
    return [unknown(element, dims, exact)]


def gemm(call: Call) -> list[Held]:
    """Two matrices, one or both of them turned."""
    left, right = call.given(0), call.given(1)
    if len(left.dims) != 2 or len(right.dims) != 2:
        call.refuse(f"multiplies values with {len(left.dims)} and {len(right.dims)} axes")
    rows, inner = left.dims[::-1] if call.flag("transA", False) else left.dims
    columns = right.dims[0] if call.flag("transB", False) else right.dims[1]
    _spend(call, rows * inner * columns)
    return [unknown(left.element, (rows, columns), left.exact and right.exact)]


def einsum(call: Call) -> list[Held]:
    """Letters for axes; every combination of all of them may be a product."""
    equation = call.text("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    held = [call.given(place) for place in range(len(call.inputs))]
    letters = left.replace(",", "") + right
    if (
        not arrow
        or not letters.isascii()
        or not (letters.isalpha() or not letters)
        or len(terms) != len(held)
    ):
        call.refuse("has an equation that is not plain letters, commas and an arrow")
    sizes: dict[str, int] = {}
    for term, one in zip(terms, held, strict=True):
        if len(term) != len(one.dims) or len(set(term)) != len(term):
            call.refuse("has an equation that does not fit its inputs")
        for letter, size in zip(term, one.dims, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    if not set(right) <= set(sizes) or len(set(right)) != len(right):
        call.refuse("has an equation with an unknown axis")
    if 0 in sizes.values() or any(0 in one.dims for one in held):
        call.refuse("multiplies values of no size")
    call.work += 4 * _SLOW * math.prod(sizes.values())
    exact = all(one.exact for one in held)
    return [unknown(held[0].element, [sizes[letter] for letter in right], exact)]


def convolution(call: Call) -> list[Held]:
    """Weights that slide over pictures, sounds or volumes, and the same backwards."""
    second = 3 if call.node.operator == "QLinearConv" else 1
    held, weights = call.given(0), call.given(second)
    groups = call.whole("group", 1)
    spatial = len(held.dims) - 2
    if not 1 <= spatial <= 3 or len(weights.dims) != len(held.dims):
        call.refuse(f"takes values with {len(held.dims)} and {len(weights.dims)} axes")
    if groups < 1 or 0 in held.dims or 0 in weights.dims:
        call.refuse("has groups or sizes of 0")
    window = Window.of(call, weights.dims[2:], spatial)
    if call.node.operator == "ConvTranspose":
        if held.dims[1] != weights.dims[0] or weights.dims[0] % groups:
            call.refuse("has weights that do not fit what comes in")
        dims = [held.dims[0], weights.dims[1] * groups, *window.transposed(call, held.dims[2:])]
        products = held.count * weights.dims[1] * math.prod(window.kernel)
        exact = window.auto == "NOTSET"
    else:
        if held.dims[1] != weights.dims[1] * groups or weights.dims[0] % groups:
            call.refuse("has weights that do not fit what comes in")
        dims = [held.dims[0], weights.dims[0], *window.over(call, held.dims[2:])]
        products = math.prod(dims) * weights.dims[1] * math.prod(window.kernel)
        exact = True
    dims = call.positive(dims, "a size")
    if 0 in dims:
        call.refuse("has a kernel larger than what it goes over")
    _spend(call, products)
    call.work += _EACH * dims[0] * groups + 64 * math.prod(dims)
    element = {"ConvInteger": INT32, "QLinearConv": _last_element(call, 7)}.get(
        call.node.operator, held.element
    )
    return [unknown(element, dims, exact and held.exact and weights.exact)]


class Window:
    """A kernel with its strides, dilations and pads, all of a sound size."""

    def __init__(self, call: Call, kernel: Sequence[int], spatial: int) -> None:
        self.kernel = self._sizes(call, "kernel", list(kernel), spatial, 1)
        self.strides = self._sizes(call, "stride", call.ints("strides") or [1] * spatial, spatial, 1)
        self.dilations = self._sizes(call, "dilation", call.ints("dilations") or [1] * spatial, spatial, 1)
        self.pads = self._sizes(call, "pad", call.ints("pads") or [0] * (2 * spatial), 2 * spatial, 0)
        self.auto = call.text("auto_pad", "NOTSET")

    @classmethod
    def of(cls, call: Call, kernel: Sequence[int], spatial: int) -> "Window":
        """The one of a node; its weights, if it has such, say how large the kernel is."""
        said = call.ints("kernel_shape")
        if said is not None and kernel and list(kernel) != said:
            call.refuse("has weights of another size than its kernel")
        return cls(call, kernel or said or [], spatial)

    def over(self, call: Call, sizes: Sequence[int], *, up: bool = False) -> list[int]:
        """Sizes of what comes out; with `up` a part of a step counts as one."""
        found = []
        for place, size in enumerate(sizes):
            reach = self.dilations[place] * (self.kernel[place] - 1) + 1
            stride = self.strides[place]
            if self.auto in ("SAME_UPPER", "SAME_LOWER"):
                found.append(-(-size // stride))
                continue
            pads = 0 if self.auto == "VALID" else self.pads[place] + self.pads[place + len(sizes)]
            room = size + pads - reach
            if room < 0:
                call.refuse("has a kernel larger than what it goes over")
            found.append((-(-room // stride) if up else room // stride) + 1)
        return found

    def transposed(self, call: Call, sizes: Sequence[int]) -> list[int]:
        more = self._sizes(call, "pad", call.ints("output_padding") or [0] * len(sizes), len(sizes), 0)
        wanted = call.ints("output_shape")
        if wanted is not None:
            return list(call.positive(wanted[-len(sizes) :], "a size"))
        found = []
        for place, size in enumerate(sizes):
            reach = self.dilations[place] * (self.kernel[place] - 1) + 1
            # Where pads are found by themselves, at most as much as without any.
            pads = self.pads[place] + self.pads[place + len(sizes)] if self.auto == "NOTSET" else 0
            found.append(
                self.strides[place] * (size - 1)
                + more[place]
                + (reach if self.auto == "NOTSET" else max(reach, self.strides[place]))
                - pads
            )
        return found

    def _sizes(self, call: Call, what: str, sizes: list[int], count: int, least: int) -> list[int]:
        if len(sizes) != count or not all(least <= size <= _WIDEST for size in sizes):
            call.refuse(f"has {what}s of {sizes[:8]}")
        return sizes


def recurrent(call: Call) -> list[Held]:
    """RNN, GRU and LSTM."""
    held, weights, own = call.given(0), call.given(1), call.given(2)
    hidden = call.whole("hidden_size", 0)
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[call.node.operator]
    ways = 2 if call.text("direction", "forward") == "bidirectional" else 1
    if len(held.dims) != 3 or hidden < 1 or 0 in held.dims:
        call.refuse("takes no sequence")
    features = held.dims[2]
    if weights.dims != (ways, gates * hidden, features) or own.dims != (ways, gates * hidden, hidden):
        call.refuse("has weights that do not fit its size")
    layout = call.flag("layout", False)
    steps, batch = held.dims[1::-1] if layout else held.dims[:2]
    _spend(call, steps * batch * ways * gates * hidden * (features + hidden + 64))
    if layout:
        dims = ((batch, steps, ways, hidden), (batch, ways, hidden), (batch, ways, hidden))
    else:
        dims = ((steps, ways, batch, hidden), (ways, batch, hidden), (ways, batch, hidden))
    return [unknown(held.element, sizes, held.exact) for sizes in dims]


def attention(call: Call) -> list[Held]:
    """Scaled products of queries and keys, with the keys and values of earlier steps before them."""
    query, key, value = (call.given(place) for place in range(3))
    ranks = {len(one.dims) for one in (query, key, value)}
    if ranks not in ({3}, {4}) or any(0 in one.dims for one in (query, key, value)):
        call.refuse("takes values of ranks that do not fit")
    if ranks == {3}:
        heads, key_heads = call.whole("q_num_heads", 0), call.whole("kv_num_heads", 0)
        if (
            heads < 1
            or key_heads < 1
            or query.dims[2] % heads
            or key.dims[2] % key_heads
            or value.dims[2] % key_heads
        ):
            call.refuse("has numbers of heads that do not fit")
        q = (query.dims[0], heads, query.dims[1], query.dims[2] // heads)
        k = (key.dims[0], key_heads, key.dims[1], key.dims[2] // key_heads)
        v = (value.dims[0], key_heads, value.dims[1], value.dims[2] // key_heads)
        first = (q[0], q[2], heads * v[3])
    else:
        q, k, v = query.dims, key.dims, value.dims
        first = (*q[:3], v[3])
    if q[1] % k[1] or k[1] != v[1] or q[3] != k[3]:
        call.refuse("has numbers of heads that do not fit")
    if not 0 <= call.whole("qk_matmul_output_mode", 0) <= 3:
        call.refuse("gives a value that it does not make")
    past = call.optional(4)
    earlier = past.dims[2] if past is not None and len(past.dims) == 4 else 0
    length = k[2] + earlier
    _spend(call, q[0] * q[1] * q[2] * length * (q[3] + v[3] + 64))
    call.work += 2 * _EACH * q[0] * q[1]
    kept = ((k[0], k[1], length, k[3]), (v[0], v[1], v[2] + earlier, v[3]), (*q[:3], length))
    exact = query.exact and key.exact and value.exact
    return [unknown(query.element, sizes, exact) for sizes in (first, *kept)]


def _last_element(call: Call, place: int) -> int:
    """The type that a quantised product comes out as: that of its zero point."""
    zero = call.optional(place)
    return FLOAT if zero is None else zero.element


def _spend(call: Call, products: int) -> None:
    call.work += products * (1 if call.given(0).element == FLOAT else _SLOW)
