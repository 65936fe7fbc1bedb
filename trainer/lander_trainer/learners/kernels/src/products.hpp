// Products of small matrices, for layers of some ten to some hundred units.
#pragma once

#include <cstddef>
#include <cstring>

#include "numbers/vector.hpp"

namespace learner {

using lander::Floats;

// Columns of every matrix here are padded to a multiple of this, with zeros: whole vectors of any width.
inline constexpr int alignment = 8;
constexpr int padded(int columns) { return (columns + alignment - 1) / alignment * alignment; }

LANDER_INLINE Floats load(const float* from) {
  Floats values;
  std::memcpy(&values, from, sizeof values);
  return values;
}
LANDER_INLINE void store(float* to, Floats values) { std::memcpy(to, &values, sizeof values); }

// A matrix whose element (i, j) lies at values[i * row + j * column]; so it may be another one transposed.
struct Factor {
  const float* values;
  std::ptrdiff_t row, column;
};
// A matrix whose rows are contiguous. As the start of a sum, `row` may be 0: every row is the same.
struct Rows {
  const float* values;
  std::ptrdiff_t row;
};

// Rows of the result that are summed at once, each in `Vectors` registers: enough sums that the processor never waits
// for one, and few enough that all of them stay in registers.
inline constexpr int most_rows = 6;

template <int Height, int Vectors, class Finish>
LANDER_INLINE void tile(int depth, Factor left, Rows right, Rows start, float* result, std::ptrdiff_t row,
                        Finish finish) {
  Floats sums[Height][Vectors];
  for (int i = 0; i < Height; ++i)
    for (int j = 0; j < Vectors; ++j) sums[i][j] = load(start.values + i * start.row + j * lander::width);
  for (int k = 0; k < depth; ++k) {
    Floats factors[Vectors];
    for (int j = 0; j < Vectors; ++j) factors[j] = load(right.values + k * right.row + j * lander::width);
    for (int i = 0; i < Height; ++i) {
      const Floats scale = lander::floats(left.values[i * left.row + k * left.column]);
      for (int j = 0; j < Vectors; ++j) sums[i][j] += scale * factors[j];
    }
  }
  for (int i = 0; i < Height; ++i)
    for (int j = 0; j < Vectors; ++j) {
      float* const element = result + i * row + j * lander::width;
      store(element, finish(sums[i][j], element));
    }
}

template <int Vectors, class Finish>
LANDER_INLINE void column_of_tiles(int height, int depth, Factor left, Rows right, Rows start, float* result,
                                   std::ptrdiff_t row, Finish finish) {
  int i = 0;
  const auto at = [&](int at_row) { return Factor{left.values + at_row * left.row, left.row, left.column}; };
  const auto from = [&](int at_row) { return Rows{start.values + at_row * start.row, start.row}; };
  for (; i + most_rows <= height; i += most_rows)
    tile<most_rows, Vectors>(depth, at(i), right, from(i), result + i * row, row, finish);
  for (; i + 4 <= height; i += 4) tile<4, Vectors>(depth, at(i), right, from(i), result + i * row, row, finish);
  for (; i < height; ++i) tile<1, Vectors>(depth, at(i), right, from(i), result + i * row, row, finish);
}

// result[i, j] = finish(start[i, j] + the sum over k of left[i, k] right[k, j]), for i < height, j < columns, k <
// depth.
//
// Each element is summed in the order of k, whatever the vectors' width, so its bits do not depend on that. `columns`
// is a multiple of `alignment`; `start` and `result` may be the same. `finish` takes a vector of sums and the address
// that it is written to.
template <class Finish>
void product(int height, int columns, int depth, Factor left, Rows right, Rows start, float* result, std::ptrdiff_t row,
             Finish finish) {
  constexpr int pair = 2 * lander::width;
  int j = 0;
  const auto part = [&](int column) { return Rows{right.values + column, right.row}; };
  const auto from = [&](int column) { return Rows{start.values + column, start.row}; };
  for (; j + pair <= columns; j += pair)
    column_of_tiles<2>(height, depth, left, part(j), from(j), result + j, row, finish);
  for (; j < columns; j += lander::width)
    column_of_tiles<1>(height, depth, left, part(j), from(j), result + j, row, finish);
}
inline void product(int height, int columns, int depth, Factor left, Rows right, Rows start, float* result,
                    std::ptrdiff_t row) {
  product(height, columns, depth, left, right, start, result, row, [](Floats sum, float*) { return sum; });
}

// Adds every column of `values` [height, columns], summed from the top, to `sums` [columns].
inline void add_columns(int height, int columns, const float* values, float* sums) {
  for (int j = 0; j < columns; j += lander::width) {
    Floats sum = load(sums + j);
    for (int i = 0; i < height; ++i) sum += load(values + i * columns + j);
    store(sums + j, sum);
  }
}

}  // namespace learner
