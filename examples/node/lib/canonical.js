// JSON in the one form of which `lander eval` takes digests: Python's `json.dumps` with sorted keys and without
// spaces. JavaScript has one kind of number; Python writes 200.0 and 200 differently, so which it was is kept.

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MARK = '\u0000float';

/** A number that is a float in Python. */
export class Float {
  constructor(value) {
    this.value = value;
  }
}

/** As JSON.parse, but floats become Float. */
export function parseWithFloats(text) {
  const marked = text.replace(TOKENS, (token) =>
    token.startsWith('"') || /^-?\d+$/.test(token) ? token : JSON.stringify({ [MARK]: Number(token) }));
  return JSON.parse(marked, (key, value) => (value && typeof value === 'object' && MARK in value ? new Float(value[MARK]) : value));
}

/** Plain values instead of Float. */
export function plain(value) {
  if (value instanceof Float) return value.value;
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
}

/** The canonical text. */
export function canonical(value) {
  if (value instanceof Float) return floatText(value.value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
}

/** As Python's `repr`: the shortest digits that give the number back, with a point or an exponent. */
export function floatText(x) {
  if (!Number.isFinite(x)) throw new Error('An infinite number has no place in a digest.');
  if (Object.is(x, -0)) return '-0.0';
  const [digits, power] = x.toExponential().split('e');
  const exponent = Number(power);
  if (x === 0 || (exponent >= -4 && exponent < 16)) return Number.isInteger(x) ? `${x}.0` : String(x);
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}
