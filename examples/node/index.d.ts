// Types of lander-policy; index.js says what it is for.

/** A number that is a float in Python, such as 200.0. */
export class Float {
  constructor(value: number);
  readonly value: number;
}

/** As JSON.parse, but floats become Float. */
export function parseWithFloats(text: string): unknown;

/** Plain values instead of Float. */
export function plain(value: unknown): any;

/** A file that cannot be read, does not fit, or is not what it says. */
export class Refused extends Error {}

/** A file of another library in which several outputs could be the action. */
export class OutputUnclear extends Refused {
  readonly outputs: string[];
}

/** The recipe of an environment; floats as Float. */
export interface Recipe {
  id: string;
  kwargs: Record<string, unknown>;
  wrappers: unknown[];
  max_episode_steps: number | null;
  reward_threshold: Float | null;
}

/** What runs episodes: an open policy, or your own function in its place. */
export interface Acting {
  act(observation: ArrayLike<number>): number | ArrayLike<number>;
  readonly env: Recipe;
  readonly sha256: string;
}

/** A policy file that is open. */
export class Policy implements Acting {
  /** What the file says of itself (docs/policy-file.md); null for a file of another library. */
  readonly info: any;
  readonly env: Recipe;
  /** Of the file. */
  readonly sha256: string;
  readonly continuous: boolean;
  /** The largest difference from the golden vectors, where 1 is the scale of the output. */
  readonly difference: number | null;
  /** What was assumed where the file says nothing, a sentence each. */
  readonly assumptions: string[];
  /** The greedy action: a number from 0 on, or a Float32Array. */
  act(observation: ArrayLike<number>): number | Float32Array;
  /** Whether the probability of each action is known: not for throttles, nor for another library's scores. */
  readonly hasProbabilities: boolean;
  /** The probability of each action by softmax of the logits; null where it is not known. */
  probabilities(observation: ArrayLike<number>): number[] | null;
}

/** Open a policy file. Its weights and golden vectors are checked. */
export function openPolicy(bytes: Uint8Array, said?: { output?: string }): Policy;

/** Arguments of Gymnasium's LunarLander. */
export interface Options {
  continuous: boolean;
  gravity: number;
  enable_wind: boolean;
  wind_power: number;
  turbulence_power: number;
}

export const DEFAULTS: Readonly<Options>;
export const MOST_STEPS: number;
export const FIRST_SEED: number;

/** What the reward of a step is made of. */
export const TERMS: readonly ('distance' | 'speed' | 'angle' | 'legs' | 'fuel' | 'ending')[];

export interface Step {
  observation: Float32Array;
  reward: number;
  terms: Record<(typeof TERMS)[number], number>;
  terminated: boolean;
}

/** Gymnasium's LunarLander-v3, bit for bit. `module` is compiled from lander.wasm. */
export class LunarLander {
  constructor(module: WebAssembly.Module, options?: Partial<Options>);
  readonly options: Options;
  readonly steps: number;
  /** The eleven points of the ground, in metres. */
  readonly ground: [number, number][];
  /** x, y and angle of the lander and its legs. */
  readonly bodies: [number, number, number][];
  /** How the wind pushed in the last step, from -wind_power to wind_power, to the right if positive. */
  readonly wind: number;
  reset(seed: number): Float32Array;
  step(action: number | ArrayLike<number>): Step;
}

export type Outcome = 'landed' | 'crashed' | 'flew off' | 'timed out';

/** How an episode ended; null while it goes on. */
export function outcomeOf(step: Step, steps: number, mostSteps?: number): Outcome | null;

export interface Episode {
  seed: number;
  return: number;
  length: number;
  outcome: Outcome;
}

/** The environment that a policy was made for. */
export function environmentOf(module: WebAssembly.Module, policy: { env: Recipe }): LunarLander;

export function runEpisode(environment: LunarLander, policy: Pick<Acting, 'act'>, seed: number, mostSteps?: number): Episode;

/** Episodes from `firstSeed` on. */
export function episodesOf(module: WebAssembly.Module, policy: Acting, count: number, firstSeed?: number): Generator<Episode>;

/** The score of episodes in the order of their seeds, as `lander eval` computes it. */
export function summary(policy: Acting, episodes: Episode[]): {
  episodes: number;
  first_seed: number;
  mean_return: number;
  std_return: number;
  ci95: [number, number] | null;
  success_rate: number | null;
  episodes_sha256: string;
};

/** The digest that `lander eval --json` prints. */
export function episodesDigest(policy: Acting, episodes: Episode[]): string;
