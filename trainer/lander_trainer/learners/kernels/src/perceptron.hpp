// A multilayer perceptron, forward and backward, a few rows at a time so that all results stay in the fastest caches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "functions.hpp"
#include "products.hpp"

namespace learner {

// Rows that pass through the network together: their activations of one layer of 64 units take 16 kB.
inline constexpr int block = 64;

// Row i of a matrix that has `columns` columns.
inline float* row_of(std::vector<float>& matrix, int i, int columns) {
  return matrix.data() + static_cast<std::ptrdiff_t>(i) * columns;
}

enum class Activation : std::int32_t { tanh = 0, relu = 1 };

// y = f(W x + b), layer after layer, with f the identity in the last. Matrices are padded to whole vectors with zeros,
// which pass through as zeros: tanh and relu keep them.
class Perceptron {
 public:
  // `widths`: of the inputs, the hidden layers and the outputs.
  Perceptron(const std::vector<int>& widths, Activation activation) : activation_(activation) {
    for (std::size_t i = 0; i + 1 < widths.size(); ++i) layers_.emplace_back(widths[i], widths[i + 1]);
    inputs_.resize(static_cast<std::size_t>(block) * padded(widths[0]));
    taken_.resize(parameters());  // zeros, as the layers have them
    zeros_.resize(padded(*std::max_element(widths.begin(), widths.end())));
  }

  int inputs() const { return layers_.front().in; }
  int outputs() const { return layers_.back().out; }
  // Weights and biases, layer after layer.
  std::size_t parameters() const {
    std::size_t count = 0;
    for (const Layer& layer : layers_) count += static_cast<std::size_t>(layer.in + 1) * layer.out;
    return count;
  }

  // Takes over the weights; `forward` and `backward` use them until the next call. `parameters`: of each layer the
  // matrix [out, in] and the biases [out], as PyTorch orders them.
  void take(const float* parameters) {
    // Acting takes the same weights hundreds of times, and comparing them costs a tenth of laying them out.
    if (std::memcmp(taken_.data(), parameters, taken_.size() * sizeof(float)) == 0) return;
    std::copy(parameters, parameters + taken_.size(), taken_.begin());
    for (Layer& layer : layers_) {
      for (int j = 0; j < layer.out; ++j) {
        std::copy(parameters, parameters + layer.in, row_of(layer.weights, j, layer.in_padded));
        for (int k = 0; k < layer.in; ++k) row_of(layer.transposed, k, layer.out_padded)[j] = parameters[k];
        parameters += layer.in;
      }
      std::copy(parameters, parameters + layer.out, layer.biases.begin());
      parameters += layer.out;
    }
  }

  // The outputs for up to `block` rows of `inputs`, as rows of `output_row()` numbers.
  const float* forward(const float* inputs, int rows) {
    const Layer& first = layers_.front();
    for (int i = 0; i < rows; ++i, inputs += first.in)
      std::copy(inputs, inputs + first.in, row_of(inputs_, i, first.in_padded));
    const float* values = inputs_.data();
    for (Layer& layer : layers_) {
      const auto sums = [&](auto finish) {
        product(rows, layer.out_padded, layer.in, {values, layer.in_padded, 1},
                {layer.transposed.data(), layer.out_padded}, {layer.biases.data(), 0}, layer.values.data(),
                layer.out_padded, finish);
      };
      if (&layer == &layers_.back())
        sums([](Floats sum, float*) { return sum; });
      else if (activation_ == Activation::relu)
        sums([](Floats sum, float*) { return select(sum < 0.0f, Floats{}, sum); });
      else
        sums([](Floats sum, float*) { return hyperbolic_tangent(sum); });
      values = layer.values.data();
    }
    return values;
  }
  int output_row() const { return layers_.back().out_padded; }

  // Where the caller writes the derivatives of the loss by the outputs of `forward`, in rows of `output_row()`.
  float* output_slopes() { return layers_.back().slopes.data(); }

  // Adds the gradient of the rows of the last `forward` to the sums that `write_gradient` returns. With d the slopes of
  // a layer's sums and x its inputs: d^T x for W, the sum of d for b, and d W goes on to the layer below.
  void backward(int rows) {
    for (std::size_t at = layers_.size(); at-- > 0;) {
      Layer& layer = layers_[at];
      const float* below = at == 0 ? inputs_.data() : layers_[at - 1].values.data();
      product(layer.out, layer.in_padded, rows, {layer.slopes.data(), 1, layer.out_padded}, {below, layer.in_padded},
              {layer.weight_sums.data(), layer.in_padded}, layer.weight_sums.data(), layer.in_padded);
      add_columns(rows, layer.out_padded, layer.slopes.data(), layer.bias_sums.data());
      if (at == 0) return;
      Layer& lower = layers_[at - 1];
      const auto sums = [&](auto finish) {
        product(rows, layer.in_padded, layer.out, {layer.slopes.data(), layer.out_padded, 1},
                {layer.weights.data(), layer.in_padded}, {zeros_.data(), 0}, lower.slopes.data(), lower.out_padded,
                finish);
      };
      // Times the derivative of the activation, from its value at the same place.
      const float* const values = lower.values.data();
      const float* const slopes = lower.slopes.data();
      if (activation_ == Activation::relu)
        sums([&](Floats sum, float* slope) { return select(load(values + (slope - slopes)) > 0.0f, sum, Floats{}); });
      else
        sums([&](Floats sum, float* slope) {
          const Floats value = load(values + (slope - slopes));
          return sum * (1.0f - value * value);
        });
    }
  }

  // Writes the gradient since the last call in the order of `take`, and starts the next one from zero.
  void write_gradient(float* gradient) {
    for (Layer& layer : layers_) {
      for (int j = 0; j < layer.out; ++j) {
        const float* row = row_of(layer.weight_sums, j, layer.in_padded);
        gradient = std::copy(row, row + layer.in, gradient);
      }
      gradient = std::copy(layer.bias_sums.begin(), layer.bias_sums.begin() + layer.out, gradient);
      std::fill(layer.weight_sums.begin(), layer.weight_sums.end(), 0.0f);
      std::fill(layer.bias_sums.begin(), layer.bias_sums.end(), 0.0f);
    }
  }

 private:
  struct Layer {
    Layer(int in, int out)
        : in(in),
          out(out),
          in_padded(padded(in)),
          out_padded(padded(out)),
          weights(size(out, in_padded)),
          transposed(size(in, out_padded)),
          biases(out_padded),
          weight_sums(size(out, in_padded)),
          bias_sums(out_padded),
          values(size(block, out_padded)),
          slopes(size(block, out_padded)) {}

    int in, out, in_padded, out_padded;
    // [out, in_padded], [in, out_padded] and [out_padded].
    std::vector<float> weights, transposed, biases;
    // Their gradients: [out, in_padded] and [out_padded].
    std::vector<float> weight_sums, bias_sums;
    // [block, out_padded]: what the layer returned, and the derivatives of the loss by it.
    std::vector<float> values, slopes;

    static std::size_t size(int rows, int columns) { return static_cast<std::size_t>(rows) * columns; }
  };

  Activation activation_;
  std::vector<Layer> layers_;
  std::vector<float> taken_;           // what `take` was last given
  std::vector<float> inputs_, zeros_;  // [block, in_padded]; a row of zeros
};

}  // namespace learner
