// Gymnasium's LunarLander-v3: seeds, actions, rewards and the end of an episode, around the physics in lander.wasm
// (examples/browser/physics). Numbers are computed in the order in which lunar_lander.py computes them, so that
// returns are equal to the last bit.

import { Random } from './random.js';

const WIDTH = 20; // metres
const HEIGHT = 400 / 30;
const FRAMES_PER_SECOND = 50;
const POINTS = 12; // heights drawn for the ground

/** Steps after which an episode is truncated, unless the policy's file says otherwise. */
export const MOST_STEPS = 1000;

/** What an environment is made with where nothing else is said: Gymnasium's own defaults. */
export const DEFAULTS = Object.freeze({
  continuous: false, gravity: -10, enable_wind: false, wind_power: 15, turbulence_power: 1.5,
});

/** What the reward of a step is made of. */
export const TERMS = ['distance', 'speed', 'angle', 'legs', 'fuel', 'ending'];

/** The environments that `LunarLander` is, and the arguments that each has by its name. */
export const ENVIRONMENTS = { 'LunarLander-v3': {}, 'LunarLanderContinuous-v3': { continuous: true } };

/** Arguments as Gymnasium would take them. Throws where one is unknown or out of range. */
export function checkedArguments(given) {
  const all = { ...DEFAULTS, ...given };
  for (const [name, value] of Object.entries(all)) {
    if (!(name in DEFAULTS)) throw new Error(`LunarLander has no argument ${JSON.stringify(name)}.`);
    if (typeof value !== typeof DEFAULTS[name]) {
      throw new Error(`LunarLander: ${name} should be a ${typeof DEFAULTS[name]}, found ${JSON.stringify(value)}.`);
    }
  }
  if (!(all.gravity > -12 && all.gravity < 0)) {
    throw new Error(`LunarLander: gravity should be between -12 and 0, found ${all.gravity}.`);
  }
  return all;
}

/** One environment. Each has physics of its own, so that several can run side by side. */
export class LunarLander {
  #physics;
  #state;
  #random;
  #wind = null;
  #shaping = null;
  #terms = null;

  /**
   * @param {WebAssembly.Module} module compiled from lander.wasm
   * @param {object} options some of DEFAULTS
   */
  constructor(module, options = {}) {
    this.options = checkedArguments(options);
    this.#physics = new WebAssembly.Instance(module).exports;
    this.#state = this.#numbers(this.#physics.state_numbers(), 16);
  }

  /** Begin the episode of a seed; returns the first observation. */
  reset(seed) {
    const random = (this.#random = new Random(seed));
    const { gravity, enable_wind, wind_power, turbulence_power, continuous } = this.options;
    const heights = Array.from({ length: POINTS }, () => random.uniform(0, HEIGHT / 2));
    this.#numbers(this.#physics.random_heights(), POINTS).set(heights);
    const force = [random.uniform(-1000, 1000), random.uniform(-1000, 1000)];
    this.#physics.reset(gravity, ...force);
    this.#wind = null;
    if (enable_wind) {
      const [wind, torque] = [random.integers(-9999, 9999), random.integers(-9999, 9999)];
      this.#physics.set_wind(wind_power, turbulence_power, wind, torque);
      this.#wind = { index: wind, force: 0 };
    }
    this.steps = 0;
    this.#shaping = null;
    const first = this.step(continuous ? [0, 0] : 0).observation;
    this.steps = 0;
    return first;
  }

  /**
   * A fiftieth of a second.
   * @param {number | ArrayLike<number>} action 0 to 3, or the two throttles if continuous
   * @returns {{ observation: Float32Array, reward: number, terms: object, terminated: boolean }}
   */
  step(action) {
    const [main, direction, side] = this.options.continuous ? throttles(action) : engines(action);
    const noise = [this.#random.uniform(-1, 1), this.#random.uniform(-1, 1)];
    if (this.#wind !== null) this.#blow();
    this.#physics.step(main, direction, side, ...noise);
    this.steps += 1;
    return this.#outcome(main, side);
  }

  /** The eleven points of the ground, `[x, y]` in metres. */
  get ground() {
    return [...this.#numbers(this.#physics.ground_heights(), 11)].map((y, i) => [(WIDTH / 10) * i, y]);
  }

  /** Where the lander and its two legs are: x and y in metres, angle in radians. */
  get bodies() {
    const s = this.#state;
    return [[s[0], s[1], s[4]], [s[10], s[11], s[12]], [s[13], s[14], s[15]]];
  }

  /** How the wind pushed in the last step, from -wind_power to wind_power, to the right if positive. For pictures. */
  get wind() {
    return this.#wind?.force ?? 0;
  }

  /** As the physics do (lander.cpp): no wind while a leg touches the ground. */
  #blow() {
    const touching = this.#state[6] || this.#state[7];
    const at = this.#wind.index;
    this.#wind.force = touching ? 0 : Math.tanh(Math.sin(0.02 * at) + Math.sin(Math.PI * 0.01 * at)) * this.options.wind_power;
    if (!touching) this.#wind.index += 1;
  }

  #outcome(main, side) {
    const [x, y, vx, vy, angle, spin, left, right, bodyTouched, awake] = this.#state;
    const observed = [
      (x - WIDTH / 2) / (WIDTH / 2),
      (y - (HEIGHT / 4 + 18 / 30)) / (HEIGHT / 2),
      (vx * (WIDTH / 2)) / FRAMES_PER_SECOND,
      (vy * (HEIGHT / 2)) / FRAMES_PER_SECOND,
      angle,
      (20 * spin) / FRAMES_PER_SECOND,
      left,
      right,
    ];
    const crashed = bodyTouched || Math.abs(observed[0]) >= 1;
    const terminated = Boolean(crashed || !awake);
    const { reward, terms } = this.#rewarded(observed, main, side);
    const observation = Float32Array.from(observed);
    if (!terminated) return { observation, reward, terms, terminated };
    const ending = awake ? -100 : 100;
    return { observation, reward: ending, terms: { ...noTerms(), ending }, terminated };
  }

  #rewarded(observed, main, side) {
    const terms = shapingTerms(observed);
    const shaping = terms.distance + terms.speed + terms.angle + 10 * observed[6] + 10 * observed[7];
    let reward = this.#shaping === null ? 0 : shaping - this.#shaping;
    reward -= main * 0.3;
    reward -= side * 0.03;
    const gained = noTerms();
    for (const name of Object.keys(terms)) gained[name] = this.#terms ? terms[name] - this.#terms[name] : 0;
    gained.fuel = -(main * 0.3 + side * 0.03);
    this.#shaping = shaping;
    this.#terms = terms;
    return { reward, terms: gained };
  }

  #numbers(at, count) {
    return new Float64Array(this.#physics.memory.buffer, at, count);
  }
}

/** How an episode ended, in the words of `lander eval`; null while it goes on. */
export function outcomeOf({ observation, reward, terminated }, steps, mostSteps = MOST_STEPS) {
  if (!terminated) return steps >= mostSteps ? 'timed out' : null;
  if (reward > 0) return 'landed';
  return Math.abs(observation[0]) >= 1 ? 'flew off' : 'crashed';
}

function shapingTerms([x, y, vx, vy, angle, , left, right]) {
  return {
    distance: -100 * Math.sqrt(x * x + y * y),
    speed: -100 * Math.sqrt(vx * vx + vy * vy),
    angle: -100 * Math.abs(angle),
    legs: 10 * left + 10 * right,
  };
}

function noTerms() {
  return Object.fromEntries(TERMS.map((name) => [name, 0]));
}

/** Powers of the main and the side engines, and the side's direction, of an action from 0 to 3. */
function engines(action) {
  if (![0, 1, 2, 3].includes(action)) throw new Error(`An action is 0, 1, 2 or 3, found ${action}.`);
  const side = action === 1 || action === 3;
  return [action === 2 ? 1 : 0, action - 2, side ? 1 : 0];
}

/** The same of two throttles. */
function throttles(action) {
  const [main, side] = [0, 1].map((i) => Math.min(Math.max(Math.fround(action[i]), -1), 1));
  if (Number.isNaN(main + side)) throw new Error('A throttle is not a number.');
  return [main > 0 ? (main + 1) * 0.5 : 0, Math.sign(side), Math.abs(side) > 0.5 ? Math.abs(side) : 0];
}
