"""How much memory and work a graph can take, found before it runs.

ONNX Runtime makes whatever a graph asks for: a file of a kilobyte may ask for gigabytes, for hours of work,
or for a division that ends the process. So the shape of every value is worked out here first, for given
shapes of the inputs. A graph whose shapes depend on what is observed is refused, since no trial could bound
it.

bounding.py     the walk over a graph, and the limits
call.py         one operator at work: its inputs, its settings, and how it is refused
table.py        which rule holds for which operator
elementwise.py  rules of operators that work number by number, and of integer division
layout.py       ... that move numbers to other places
making.py       ... that make as many numbers as they are told
products.py     ... that multiply and add: matrices, convolutions, recurrent layers
reducing.py     ... that make fewer numbers: sums, maxima, pooling
folding.py      values that follow from shapes and constants alone, such as the sizes that Expand takes
"""
