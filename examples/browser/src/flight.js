// One episode as it is flown: who flies it decides only where the actions come from.

import { MOST_STEPS, TERMS, outcomeOf } from '../../node/lib/lunar_lander.js';
import { motionOf } from './wording.js';

/** An environment, the episode in it, and what is known of it so far. */
export class Flight {
  #before;

  constructor(environment, mostSteps = MOST_STEPS) {
    this.environment = environment;
    this.mostSteps = mostSteps;
  }

  begin(seed) {
    this.observation = this.environment.reset(seed);
    this.total = 0;
    this.outcome = null;
    this.action = 0;
    this.terms = zeros();
    this.totals = zeros();
    this.impact = null; // the motion just before the ground was touched last
    this.#before = this.environment.bodies;
  }

  get steps() {
    return this.environment.steps;
  }

  /** A fiftieth of a second, unless the episode has ended. */
  step(action) {
    if (this.outcome !== null) return;
    this.#before = this.environment.bodies;
    const motion = motionOf(this.observation);
    const result = this.environment.step(action);
    this.action = action;
    this.observation = result.observation;
    this.total += result.reward;
    this.terms = result.terms;
    for (const name of TERMS) this.totals[name] += result.terms[name];
    this.outcome = outcomeOf(result, this.steps, this.mostSteps);
    const touches = motionOf(result.observation).touching || this.outcome !== null;
    if (touches && !motion.touching) this.impact = motion;
  }

  /** Where the lander and its legs are drawn: `fraction` of the way from the state before the last step to that after it. */
  bodiesAt(fraction) {
    const { bodies } = this.environment;
    if (this.outcome !== null) return bodies;
    return bodies.map((body, i) => body.map((value, j) => this.#before[i][j] + fraction * (value - this.#before[i][j])));
  }

  /** Which engines burn: how strongly the main one, and to which side the others push, -1, 0 or 1. */
  get engines() {
    if (this.outcome !== null) return { main: 0, side: 0 };
    if (typeof this.action === 'number') return { main: this.action === 2 ? 1 : 0, side: { 1: -1, 3: 1 }[this.action] ?? 0 };
    const [main, side] = this.action;
    return { main: main > 0 ? (main + 1) / 2 : 0, side: Math.abs(side) > 0.5 ? Math.sign(side) : 0 };
  }
}

function zeros() {
  return Object.fromEntries(TERMS.map((name) => [name, 0]));
}
