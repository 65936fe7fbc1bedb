// Reads what a policy needs from an ONNX file: nodes, weights, inputs, outputs and metadata. ONNX is Protocol
// Buffers; the numbers of the fields are those of onnx.proto. Nothing in a file is executed.

/** A file that cannot be read, does not fit, or is not what it says. The message is for people. */
export class Refused extends Error {}

/** Element types of tensors that are read: how many bytes, and how to get a number. */
const ELEMENTS = {
  1: [4, (view, at) => view.getFloat32(at, true)],
  6: [4, (view, at) => view.getInt32(at, true)],
  7: [8, (view, at) => Number(view.getBigInt64(at, true))],
  9: [1, (view, at) => view.getUint8(at)],
  11: [8, (view, at) => view.getFloat64(at, true)],
};
const LARGEST = 1 << 22; // numbers in a tensor

/**
 * @param {Uint8Array} bytes the whole file
 * @returns {{ nodes, weights: Map, inputs, outputs, metadata: object }}
 */
export function readModel(bytes) {
  const model = message(bytes, 'the file');
  const graphs = model.all(7);
  if (graphs.length !== 1) throw new Refused('This is not a policy file: it holds no network (no ONNX graph).');
  const graph = message(graphs[0], 'the graph');
  const entries = model.all(14).map((entry) => message(entry, 'the metadata'));
  return {
    nodes: graph.all(1).map(node),
    weights: new Map(graph.all(5).map(tensor).map((one) => [one.name, one])),
    inputs: graph.all(11).map(value),
    outputs: graph.all(12).map(value),
    metadata: Object.fromEntries(entries.map((entry) => [entry.text(1), entry.text(2)])),
  };
}

function node(bytes) {
  const found = message(bytes, 'a node');
  const domain = found.text(7);
  if (domain !== '' && domain !== 'ai.onnx') throw new Refused(`Operators of ${quoted(domain)} are not read.`);
  return {
    operator: found.text(4),
    inputs: found.all(1).map(decoded),
    outputs: found.all(2).map(decoded),
    attributes: new Map(found.all(5).map(attribute)),
  };
}

/** A name and a value: a number, a list of numbers, a text or a tensor. */
function attribute(bytes) {
  const found = message(bytes, 'an attribute');
  const kind = found.number(20);
  if (kind === 1) return [found.text(1), found.number(2)];
  if (kind === 2) return [found.text(1), found.number(3)];
  if (kind === 3) return [found.text(1), found.text(4)];
  if (kind === 4) return [found.text(1), tensor(found.all(5)[0] ?? new Uint8Array())];
  if (kind === 7) return [found.text(1), found.integers(8)];
  return [found.text(1), undefined]; // Graphs and the like: the operators that have them are refused.
}

function tensor(bytes) {
  const found = message(bytes, 'a tensor');
  const name = found.text(8);
  const dims = found.integers(1);
  const type = found.number(2);
  const count = dims.reduce((product, one) => product * one, 1);
  if (!(type in ELEMENTS)) throw new Refused(`The tensor ${quoted(name)} is of a type that is not read.`);
  if (dims.some((one) => one < 0) || !(count <= LARGEST)) {
    throw new Refused(`The tensor ${quoted(name)} has an impossible shape.`);
  }
  if (found.number(14) !== 0) throw new Refused(`The weights of ${quoted(name)} are in another file.`);
  const raw = found.all(9)[0] ?? rawOf(found, type);
  const [size, read] = ELEMENTS[type];
  if (raw.length !== count * size) {
    throw new Refused(`The tensor ${quoted(name)} has ${raw.length} bytes; its shape needs ${count * size}.`);
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  return { name, dims, raw, data: Float64Array.from({ length: count }, (_, i) => read(view, i * size)) };
}

/** The bytes of numbers that stand in a field of their type. */
function rawOf(found, type) {
  if (type === 1) return bytesOf(Float32Array, found.floats(4));
  if (type === 11) return bytesOf(Float64Array, found.doubles(10));
  if (type === 7) return bytesOf(BigInt64Array, found.integers(7).map(BigInt));
  return type === 6 ? bytesOf(Int32Array, found.integers(5)) : bytesOf(Uint8Array, found.integers(5));
}

function bytesOf(Kind, numbers) {
  return new Uint8Array(Kind.from(numbers).buffer);
}

/** An input or output: its name, element type and shape, where a dimension without a number is null. */
function value(bytes) {
  const found = message(bytes, 'an input or output');
  const type = message(found.all(2)[0] ?? new Uint8Array(), 'its type');
  const inner = message(type.all(1)[0] ?? new Uint8Array(), 'its type');
  const shape = message(inner.all(2)[0] ?? new Uint8Array(), 'its shape');
  const dims = shape.all(1).map((one) => message(one, 'a dimension')).map((one) => (one.has(1) ? one.number(1) : null));
  return { name: found.text(1), type: inner.number(1), dims };
}

/** The fields of one message. Each getter takes the field's number. */
function message(bytes, what) {
  const fields = new Map();
  for (const [field, kind, content] of scan(bytes, what)) {
    if (!fields.has(field)) fields.set(field, []);
    fields.get(field).push([kind, content]);
  }
  const of = (field, kind) => (fields.get(field) ?? []).filter((one) => one[0] === kind).map((one) => one[1]);
  const fixed = (field, kind, size, read) => [
    ...of(field, kind).map((one) => read(viewOf(one), 0)),
    ...of(field, 2).flatMap((packed) =>
      Array.from({ length: Math.floor(packed.length / size) }, (_, i) => read(viewOf(packed), i * size))),
  ];
  return {
    has: (field) => fields.has(field),
    all: (field) => of(field, 2),
    text: (field) => decoded(of(field, 2)[0] ?? new Uint8Array()),
    number: (field) => {
      const [kind, content] = fields.get(field)?.[0] ?? [0, 0];
      return kind === 5 ? viewOf(content).getFloat32(0, true) : Number(content);
    },
    integers: (field) => [...of(field, 0), ...of(field, 2).flatMap((packed) => [...varints(packed, what)])],
    floats: (field) => fixed(field, 5, 4, (view, at) => view.getFloat32(at, true)),
    doubles: (field) => fixed(field, 1, 8, (view, at) => view.getFloat64(at, true)),
  };
}

/** Yields the number, the wire type and the content of each field. */
function* scan(bytes, what) {
  const reader = { bytes, at: 0, what };
  while (reader.at < bytes.length) {
    const tag = varint(reader);
    const kind = tag % 8;
    if (tag >= 2 ** 32 || tag < 8) throw broken(what);
    const field = (tag - kind) / 8;
    if (kind === 0) yield [field, kind, varint(reader)];
    else if (kind === 1) yield [field, kind, taken(reader, 8)];
    else if (kind === 2) yield [field, kind, taken(reader, varint(reader))];
    else if (kind === 5) yield [field, kind, taken(reader, 4)];
    else throw broken(what);
  }
}

function* varints(bytes, what) {
  const reader = { bytes, at: 0, what };
  while (reader.at < bytes.length) yield varint(reader);
}

/** A whole number in groups of seven bits; as in int64, the upper half of the range is negative. */
function varint(reader) {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const [byte] = taken(reader, 1);
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return Number(BigInt.asIntN(64, value));
  }
  throw broken(reader.what);
}

function taken(reader, count) {
  const end = reader.at + count;
  if (!(count >= 0 && end <= reader.bytes.length)) throw broken(reader.what);
  const found = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return found;
}

function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function decoded(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused('This is not a policy file (ONNX), or it is damaged: a text in it is not UTF-8.');
  }
}

function broken(what) {
  return new Refused(`This is not a policy file (ONNX), or it is damaged: ${what} ends too early or has fields of no known kind.`);
}

/** A text of a file in quotation marks, cut and without control characters. */
export function quoted(text) {
  const shown = text.replace(/\p{C}/gu, '?');
  return `"${shown.length > 60 ? `${shown.slice(0, 60)}...` : shown}"`;
}
