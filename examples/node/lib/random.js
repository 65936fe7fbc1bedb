// NumPy's default generator, so that a seed means the same episode as in Gymnasium: SeedSequence fills the state
// of PCG64 (O'Neill 2014, XSL-RR 128/64). Equal to NumPy bit for bit; no other method of NumPy's is needed here.

const MASK_64 = (1n << 64n) - 1n;
const MASK_128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** `np.random.default_rng(seed)`, which is also what `env.reset(seed=seed)` makes. */
export class Random {
  #state = 0n;
  #increment;
  #half = null; // NumPy takes a 64-bit number in two halves where 32 bits are enough.

  /** @param {number | bigint} seed 0 or more */
  constructor(seed) {
    const words = seedWords(BigInt(seed)).map(BigInt);
    const [a, b, c, d] = [0, 2, 4, 6].map((at) => words[at] | (words[at + 1] << 32n));
    this.#increment = ((((c << 64n) | d) << 1n) | 1n) & MASK_128;
    this.#advance();
    this.#state = (this.#state + ((a << 64n) | b)) & MASK_128;
    this.#advance();
  }

  /** A number from `low` up to `high`, as `Generator.uniform`. */
  uniform(low, high) {
    return low + (high - low) * (Number(this.#next64() >> 11n) / 9007199254740992);
  }

  /** A whole number from `low` up to but without `high`, as `Generator.integers` (Lemire 2019). */
  integers(low, high) {
    const count = BigInt(high - low);
    let product = BigInt(this.#next32()) * count;
    if ((product & 0xffffffffn) < count) {
      const rejected = (1n << 32n) % count;
      while ((product & 0xffffffffn) < rejected) product = BigInt(this.#next32()) * count;
    }
    return low + Number(product >> 32n);
  }

  #next32() {
    if (this.#half !== null) {
      const half = this.#half;
      this.#half = null;
      return half;
    }
    const whole = this.#next64();
    this.#half = Number(whole >> 32n);
    return Number(whole & 0xffffffffn);
  }

  #next64() {
    this.#advance();
    const folded = ((this.#state >> 64n) ^ this.#state) & MASK_64;
    const turn = this.#state >> 122n;
    return ((folded >> turn) | (folded << (64n - turn))) & MASK_64;
  }

  #advance() {
    this.#state = (this.#state * MULTIPLIER + this.#increment) & MASK_128;
  }
}

/** `SeedSequence(seed).generate_state(8)`: eight numbers of 32 bits. */
function seedWords(seed) {
  const entropy = [];
  do {
    entropy.push(Number(seed & 0xffffffffn));
    seed >>= 32n;
  } while (seed > 0n);
  const pool = mixedPool(entropy);
  const words = [];
  for (let i = 0, factor = 0x8b51f9dd; i < 8; i++) {
    const word = (pool[i % 4] ^ factor) >>> 0;
    factor = Math.imul(factor, 0x58f38ded) >>> 0;
    words.push(shifted(Math.imul(word, factor)));
  }
  return words;
}

function mixedPool(entropy) {
  let factor = 0x43b0d7e5;
  const hash = (value) => {
    const mixed = value ^ factor;
    factor = Math.imul(factor, 0x931e8875);
    return shifted(Math.imul(mixed, factor));
  };
  const mix = (x, y) => shifted(Math.imul(x, 0xca01f9dd) - Math.imul(y, 0x4973f715));
  const pool = [0, 1, 2, 3].map((i) => hash(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
  }
  for (const extra of entropy.slice(4)) {
    for (let to = 0; to < 4; to++) pool[to] = mix(pool[to], hash(extra));
  }
  return pool;
}

function shifted(value) {
  return (value ^ (value >>> 16)) >>> 0;
}
