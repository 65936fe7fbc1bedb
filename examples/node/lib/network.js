// Runs the graph of a small policy, one observation at a time, in double precision or in single.
//
// ONNX Runtime computes in float32, and processors may add up in orders of their own. In double precision the choice
// among some actions is the same but for ties of seven digits. Where actions are numbers, single precision gives the
// last bits too, as ONNX Runtime has them on x86-64 (single.js). Both have only sums, products and quotients, so they
// are the same in every browser.

import { exponential, hyperbolicTangent, largest, probabilities, sigmoid } from './functions.js';
import { Refused, quoted } from './onnx.js';
import { sumInSingle, tangentInSingle } from './single.js';

const ROW_LIMIT = 1 << 16; // numbers in a row

const DOUBLE = { Row: Float64Array, sum: (weights, at, row, start) => dot(weights, at, row) + start, tangent: hyperbolicTangent };
// A row rounds what is put into it, and for the four operations a double rounded to a float is the right float.
const SINGLE = { Row: Float32Array, sum: sumInSingle, tangent: tangentInSingle };

/**
 * A function from an observation to the outputs that are wanted.
 * @param {object} model of readModel
 * @param {string} input the name of the observation
 * @param {number} width how many numbers it has
 * @param {string[]} wanted names of outputs
 * @param {{ single?: boolean }} options in single precision, as ONNX Runtime
 * @returns {(observation: ArrayLike<number>) => Record<string, Float64Array | Float32Array>} the arrays are used again
 */
export function compile(model, input, width, wanted, { single = false } = {}) {
  const numbers = single ? SINGLE : DOUBLE;
  const values = new Map([[input, { row: new numbers.Row(width) }]]);
  for (const [name, weight] of model.weights) values.set(name, { constant: weight });
  const steps = [];
  for (const node of needed(model, input, wanted)) {
    const make = OPERATORS[node.operator];
    if (!make) throw new Refused(`The operator ${quoted(node.operator)} is not one that runs here.`);
    const inputs = node.inputs.map((name) => (name === '' ? undefined : found(values, name)));
    const made = make(node, inputs, numbers);
    made.results.forEach((result, i) => node.outputs[i] && values.set(node.outputs[i], result));
    if (made.step) steps.push(made.step);
  }
  const outputs = wanted.map((name) => [name, found(values, name).row]);
  if (outputs.some(([, row]) => !row)) throw new Refused('An output of this file does not depend on the observation.');
  const entry = values.get(input).row;
  return (observation) => {
    entry.set(observation);
    for (const step of steps) step();
    return Object.fromEntries(outputs);
  };
}

/** The nodes on which the wanted outputs depend, in the file's order. */
function needed(model, input, wanted) {
  const names = new Set(wanted);
  const kept = [];
  for (const node of [...model.nodes].reverse()) {
    if (!node.outputs.some((name) => names.has(name))) continue;
    node.inputs.forEach((name) => names.add(name));
    kept.unshift(node);
  }
  for (const { name } of model.inputs) {
    if (name !== input && !model.weights.has(name) && names.has(name)) {
      throw new Refused(`The file wants another input beside the observation: ${quoted(name)}.`);
    }
  }
  return kept;
}

function found(values, name) {
  const value = values.get(name);
  if (!value) throw new Refused(`The graph uses ${quoted(name)} before anything gives it.`);
  return value;
}

/** `step` fills `row` from its inputs. */
function rowOf(numbers, width, fill) {
  if (!(width <= ROW_LIMIT)) throw new Refused('A row of this graph is too long.');
  const row = new numbers.Row(width);
  return { results: [{ row }], step: () => fill(row) };
}

/** Each number by itself. */
function each(make) {
  return (node, [x], numbers) => {
    const f = make(node, numbers);
    if (x?.constant) return constantOf(x.constant.dims, Float64Array.from(x.constant.data, f));
    const from = asRow(node, x);
    return rowOf(numbers, from.length, (row) => {
      for (let i = 0; i < row.length; i++) row[i] = f(from[i]);
    });
  };
}

/** Two operands, of which one may be a single number or both may be rows; or constants. */
function pairwise(f) {
  return (node, [a, b], numbers) => {
    const [x, y] = [operand(node, a), operand(node, b)];
    const width = Math.max(x.length, y.length);
    if ((x.length !== 1 && x.length !== width) || (y.length !== 1 && y.length !== width)) throw misfit(node);
    const fill = (row) => {
      for (let i = 0; i < row.length; i++) row[i] = f(x[x.length === 1 ? 0 : i], y[y.length === 1 ? 0 : i]);
    };
    if (a.constant && b.constant) {
      const data = new Float64Array(width);
      fill(data);
      return constantOf([width], data);
    }
    return rowOf(numbers, width, fill);
  };
}

/** The same numbers; constants get another shape, rows have none. */
function passed(node, [x]) {
  if (!x) throw misfit(node);
  return { results: [x] };
}

function gemm(node, [x, weight, bias], numbers) {
  const at = (name, usual) => node.attributes.get(name) ?? usual;
  if (at('transA', 0) !== 0) throw new Refused('Gemm with transA is not one that runs here.');
  return product(node, x, weight, bias, at('transB', 0) === 1, at('alpha', 1), at('beta', 1), numbers);
}

/** `alpha x W + beta b`, with W stored by rows of outputs, so that a sum runs over neighbours in memory. */
function product(node, x, weight, bias, byOutput, alpha, beta, numbers) {
  const from = asRow(node, x);
  if (!weight?.constant || weight.constant.dims.length !== 2 || (bias && !bias.constant)) throw misfit(node);
  const [rows, columns] = weight.constant.dims;
  const [width, inputs] = byOutput ? [rows, columns] : [columns, rows];
  if (inputs !== from.length) throw misfit(node);
  const w = byOutput ? weight.constant.data : transposed(weight.constant.data, rows, columns);
  const b = bias ? bias.constant.data : new Float64Array(1);
  if (b.length !== 1 && b.length !== width) throw misfit(node);
  return rowOf(numbers, width, (row) => {
    for (let i = 0, k = 0; i < width; i++, k += inputs) {
      const start = beta * b[b.length === 1 ? 0 : i];
      row[i] = alpha === 1 ? numbers.sum(w, k, from, start) : alpha * numbers.sum(w, k, from, 0) + start;
    }
  });
}

/** In two sums that do not wait for each other, which is nearly twice as fast. */
function dot(weights, at, row) {
  const pairs = row.length & ~1;
  let [even, odd] = [0, 0];
  for (let j = 0; j < pairs; j += 2) {
    even += weights[at + j] * row[j];
    odd += weights[at + j + 1] * row[j + 1];
  }
  return even + odd + (pairs < row.length ? weights[at + pairs] * row[pairs] : 0);
}

function transposed(data, rows, columns) {
  return Float64Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);
}

/** Bounds are inputs since opset 11, and attributes before. */
function clip(node, [x, low, high], numbers) {
  const bound = (value, name, none) => (value ? operand(node, value)[0] : node.attributes.get(name) ?? none);
  const [least, most] = [bound(low, 'min', -Infinity), bound(high, 'max', Infinity)];
  return each(() => (v) => Math.min(Math.max(v, least), most))(node, [x], numbers);
}

/** Values and places of the largest number; the first of equal ones, as ONNX Runtime takes it. */
function topK(node, [x, count]) {
  const from = asRow(node, x);
  const wanted = count ? operand(node, count)[0] : node.attributes.get('k');
  if (wanted !== 1 || (node.attributes.get('largest') ?? 1) !== 1) throw new Refused('TopK of more than one is not run.');
  const [value, place] = [new Float64Array(1), new Float64Array(1)];
  const step = () => {
    place[0] = largest(from);
    value[0] = from[place[0]];
  };
  return { results: [{ row: value }, { row: place }], step };
}

function argMax(node, [x], numbers) {
  const from = asRow(node, x);
  return rowOf(numbers, 1, (row) => {
    row[0] = largest(from);
  });
}

function softmax(node, [x], numbers) {
  const from = asRow(node, x);
  return rowOf(numbers, from.length, (row) => row.set(probabilities(from)));
}

function concat(node, inputs, numbers) {
  const rows = inputs.map((one) => operand(node, one));
  return rowOf(numbers, rows.reduce((sum, one) => sum + one.length, 0), (row) => {
    let at = 0;
    for (const one of rows) {
      row.set(one, at);
      at += one.length;
    }
  });
}

/** A row stands for the one row of a batch. */
function shape(node, [x]) {
  if (x?.constant) return constantOf([x.constant.dims.length], Float64Array.from(x.constant.dims));
  return constantOf([2], Float64Array.of(1, asRow(node, x).length));
}

function constantOfShape(node, [dims]) {
  const width = operand(node, dims).reduce((all, one) => all * one, 1);
  if (!(width <= ROW_LIMIT)) throw misfit(node);
  return constantOf([...operand(node, dims)], new Float64Array(width).fill(node.attributes.get('value')?.data[0] ?? 0));
}

/** To the width of another row, as PyTorch's distributions do with what has that width already. */
function expand(node, [x, dims], numbers) {
  if (!dims?.constant) throw misfit(node);
  return pairwise((a) => a)(node, [x, constantOfShape(node, [dims]).results[0]], numbers);
}

function logSumExp(node, [x], numbers) {
  const from = asRow(node, x);
  return rowOf(numbers, 1, (row) => {
    const most = Math.max(...from);
    row[0] = most + Math.log(from.reduce((sum, one) => sum + exponential(one - most), 0));
  });
}

/** Truncates where the result is a whole number; floats stay as they are. */
function cast(node, inputs, numbers) {
  return [1, 10, 11].includes(node.attributes.get('to')) ? passed(node, inputs) : each(() => Math.trunc)(node, inputs, numbers);
}

function constant(node) {
  const value = node.attributes.get('value') ?? node.attributes.get('value_float') ?? node.attributes.get('value_int');
  if (value === undefined) throw misfit(node);
  return typeof value === 'number' ? constantOf([], Float64Array.of(value)) : constantOf(value.dims, value.data);
}

function constantOf(dims, data) {
  return { results: [{ constant: { dims, data } }] };
}

function asRow(node, value) {
  if (!value?.row) throw misfit(node);
  return value.row;
}

function operand(node, value) {
  if (!value) throw misfit(node);
  return value.row ?? value.constant.data;
}

function misfit(node) {
  return new Refused(`The operator ${quoted(node.operator)} has inputs or a shape that does not run here.`);
}

const OPERATORS = {
  Gemm: gemm,
  MatMul: (node, [x, weight], numbers) => product(node, x, weight, undefined, false, 1, 0, numbers),
  Add: pairwise((a, b) => a + b),
  Sub: pairwise((a, b) => a - b),
  Mul: pairwise((a, b) => a * b),
  Div: pairwise((a, b) => a / b),
  Max: pairwise(Math.max),
  Min: pairwise(Math.min),
  Tanh: each((node, numbers) => numbers.tangent),
  Sigmoid: each(() => sigmoid),
  Relu: each(() => (x) => Math.max(x, 0)),
  LeakyRelu: each((node) => (x) => (x < 0 ? x * (node.attributes.get('alpha') ?? 0.01) : x)),
  Elu: each((node) => (x) => (x < 0 ? (node.attributes.get('alpha') ?? 1) * (exponential(x) - 1) : x)),
  Neg: each(() => (x) => -x),
  Exp: each(() => exponential),
  Sqrt: each(() => Math.sqrt),
  Clip: clip,
  Cast: cast,
  Identity: passed,
  Flatten: passed,
  Reshape: passed,
  Squeeze: passed,
  Unsqueeze: passed,
  Softmax: softmax,
  ReduceLogSumExp: logSumExp,
  Shape: shape,
  ConstantOfShape: constantOfShape,
  Expand: expand,
  ArgMax: argMax,
  TopK: topK,
  Concat: concat,
  Constant: constant,
};
