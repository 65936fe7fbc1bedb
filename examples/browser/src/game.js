// Time: policy and person fly the same moon, fifty steps a second, until both are down.

import { MOST_STEPS } from '../../node/lib/lunar_lander.js';
import { environmentOf } from '../../node/lib/episodes.js';
import { Flight } from './flight.js';

const STEP = 20; // milliseconds of the lander's time
const LONGEST_PAUSE = 100; // A tab that was hidden does not catch up.
const BETWEEN = 2500; // until the next moon, where only the policy flies

/** The episode that is shown. It is stepped by `advance` and draws nothing itself. */
export class Game {
  yours = null;
  paused = false;
  speed = 1;
  fastest = 0; // speed at which the person has flown since the beginning
  helped = false; // whether the person was, since the beginning
  waiting = false; // for the first engine that a person fires
  #owed = 0;
  #over = 0;

  constructor(physics) {
    this.physics = physics;
  }

  /** Put `policy` into its environment with some arguments changed; the episode begins anew. */
  use(policy, changes) {
    this.policy = policy;
    this.recipe = { ...policy.env, kwargs: { ...policy.env.kwargs, ...changes } };
    this.begin(this.seed);
  }

  /** Whether a person flies too. */
  get shared() {
    return this.yours !== null;
  }

  share(on) {
    this.yours = on ? this.#yourFlight() : null;
    this.begin(this.seed);
  }

  begin(seed) {
    this.seed = seed;
    const environment = environmentOf(this.physics, { env: this.recipe });
    this.policys = new Flight(environment, this.recipe.max_episode_steps ?? MOST_STEPS);
    this.policys.begin(seed);
    if (this.shared) {
      this.yours = this.#yourFlight();
      this.yours.begin(seed);
    }
    this.waiting = this.shared;
    this.helped = false;
    this.#owed = this.#over = this.fastest = 0;
  }

  /** Flights by name, a person's last. */
  get flights() {
    return this.shared ? [['policy', this.policys], ['you', this.yours]] : [['policy', this.policys]];
  }

  get over() {
    return this.flights.every(([, flight]) => flight.outcome !== null);
  }

  /** Of the step that is drawn, how much has passed. */
  get fraction() {
    return Math.min(this.#owed / STEP, 1);
  }

  /**
   * Let time pass.
   * @param {number} elapsed milliseconds
   * @param {(flight: Flight) => number} hand chooses the person's engine, step by step
   * @returns {boolean} whether the next moon is due
   */
  advance(elapsed, hand) {
    if (this.paused || this.waiting) return false;
    const passed = Math.min(elapsed, LONGEST_PAUSE) * this.speed;
    if (this.over) {
      this.#over += elapsed;
      return !this.shared && this.#over > BETWEEN;
    }
    if (this.yours?.outcome === null) this.fastest = Math.max(this.fastest, this.speed);
    for (this.#owed += passed; this.#owed >= STEP; this.#owed -= STEP) this.#step(hand);
    return false;
  }

  #step(hand) {
    if (this.policys.outcome === null) this.policys.step(this.policy.act(this.policys.observation));
    if (this.yours?.outcome === null) this.yours.step(hand(this.yours));
  }

  /** A person has four engines also where the policy has throttles; the physics are the same. */
  #yourFlight() {
    const kwargs = { ...this.recipe.kwargs, continuous: false };
    const env = { ...this.recipe, id: 'LunarLander-v3', kwargs };
    return new Flight(environmentOf(this.physics, { env }), this.recipe.max_episode_steps ?? MOST_STEPS);
  }
}
