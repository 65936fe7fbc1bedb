// Opens a policy file: reads it, checks its weights and golden vectors, and gives its actions.

import { Float, parseWithFloats, plain } from './canonical.js';
import { largest, probabilities } from './functions.js';
import { compile } from './network.js';
import { Refused, quoted, readModel } from './onnx.js';
import { sha256 } from './sha256.js';

const LARGEST_FILE = 1 << 24;
const LARGEST_TOLERANCE = 1e-3; // A file that asked for more would pass whatever it computes.

/** A file of another library in which several outputs could be the action; `outputs` has their names. */
export class OutputUnclear extends Refused {
  constructor(outputs) {
    super(`Several outputs could be the action: ${outputs.map(quoted).join(', ')}. Say which one.`);
    this.outputs = outputs;
  }
}

/**
 * Open a policy that `lander export` made, or another library's network for LunarLander.
 * @param {Uint8Array} bytes the file
 * @param {{ output?: string }} said which output is the action, where a file does not make it clear
 * @returns {Policy}
 */
export function openPolicy(bytes, { output } = {}) {
  if (bytes.length > LARGEST_FILE) throw new Refused('This file is larger than 16 MB; small networks run here.');
  const model = readModel(bytes);
  const metadata = model.metadata['lander.policy'];
  const digest = sha256(bytes);
  if (metadata === undefined) return foreignPolicy(model, digest, output);
  if (output !== undefined) throw new Refused('This file says itself which output is the action.');
  return ownPolicy(model, digest, metadata);
}

/** A policy that is open. */
export class Policy {
  #run;
  #act;
  #scores;

  constructor({ run, act, scores, ...known }) {
    this.#run = run;
    this.#act = act;
    this.#scores = scores;
    /** What the file says of itself; null for a file of another library. */
    this.info = known.info ?? null;
    /** The environment: id, kwargs, wrappers, max_episode_steps, reward_threshold; floats as Float. */
    this.env = known.env;
    /** SHA-256 of the file. */
    this.sha256 = known.digest;
    /** Whether an action is a vector of numbers and not one of a few. */
    this.continuous = known.continuous;
    /** The largest difference from the golden vectors, where 1 is the scale of the output; null without any. */
    this.difference = known.difference ?? null;
    /** What was assumed where the file says nothing, a sentence each. */
    this.assumptions = known.assumptions ?? [];
  }

  /** The greedy action: a number from 0 on, or a Float32Array. */
  act(observation) {
    return this.#act(this.#run(observation));
  }

  /** Whether the probability of each action is known: not for throttles, nor for another library's scores. */
  get hasProbabilities() {
    return this.#scores !== null;
  }

  /** The probability of each action by softmax of the logits; null where it is not known. */
  probabilities(observation) {
    return this.#scores === null ? null : this.#scores(this.#run(observation));
  }
}

function ownPolicy(model, digest, metadata) {
  const tagged = parsed(metadata);
  const info = plain(tagged);
  if (!hasForm(info)) throw new Refused('What it says of itself has not the form of a policy file.');
  const { observation, action } = info;
  if (!/^1(\.|$)/.test(String(info.schema))) throw new Refused(`Its schema is ${quoted(String(info.schema))}; this reads 1.`);
  if (observation?.type !== 'Box' || observation.shape?.length !== 1) {
    throw new Refused('It sees something other than a vector of numbers; such policies do not run here.');
  }
  if (!['Discrete', 'Box'].includes(action?.type)) throw new Refused('Its kind of actions does not run here.');
  if (weightsDigest(model) !== info.weights_sha256) throw new Refused('Its weights are not those that it was made with.');
  const continuous = action.type === 'Box';
  const names = continuous ? ['action', 'mean', 'log_std'] : ['action', 'logits'];
  const run = compile(model, 'obs', observation.shape[0], names, { single: continuous });
  const difference = checkGolden(run, info.golden, names, continuous);
  return new Policy({
    run, info, env: tagged.env, digest, continuous, difference,
    act: continuous ? ({ action: row }) => Float32Array.from(row) : ({ action: [index] }) => index,
    scores: continuous ? null : ({ logits }) => probabilities(logits),
  });
}

function parsed(metadata) {
  try {
    return parseWithFloats(metadata);
  } catch {
    throw new Refused('What it says of itself is no JSON.');
  }
}

/** Whether the entries that are used here are there and of their kind; a stranger may have written them. */
function hasForm(info) {
  const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
  const isNumber = (value) => value == null || Number.isFinite(value);
  if (![info, info?.env, info?.env?.kwargs, info?.observation, info?.action, info?.golden].every(isObject)) return false;
  const { env, golden, evaluation } = info;
  const scaled = golden.scale === undefined || (isObject(golden.scale) && Object.values(golden.scale).every(Array.isArray));
  return typeof env.id === 'string' && Array.isArray(env.wrappers) && isNumber(env.max_episode_steps)
    && isNumber(env.reward_threshold) && isObject(golden.outputs) && scaled
    && (evaluation == null || (isObject(evaluation) && [evaluation.mean_return, evaluation.episodes].every(Number.isFinite)));
}

/** Over the raw bytes of all weights, in the order of their names. */
function weightsDigest(model) {
  const tensors = [...model.weights.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const all = new Uint8Array(tensors.reduce((sum, one) => sum + one.raw.length, 0));
  let at = 0;
  for (const { raw } of tensors) {
    all.set(raw, at);
    at += raw.length;
  }
  return sha256(all);
}

/** Runs the golden observations; returns the largest difference. */
function checkGolden(run, golden, names, continuous) {
  const { observations, outputs, scale = {} } = golden;
  const tolerance = golden.tolerance ?? 1e-5;
  if (!Array.isArray(observations) || observations.length === 0) throw new Refused('It has no golden vectors.');
  if (!(tolerance > 0 && tolerance <= LARGEST_TOLERANCE)) throw new Refused('The tolerance of its golden vectors is wrong.');
  let worst = 0;
  observations.forEach((observation, i) => {
    const found = run(observation);
    for (const name of names) {
      if (name === 'action' && !continuous) continue;
      const expected = [outputs?.[name]?.[i]].flat();
      const scales = [scale[name]?.[i] ?? expected.map((value) => Math.max(1, Math.abs(value)))].flat();
      if (expected.length !== found[name].length) throw new Refused(`Its golden vectors do not fit ${quoted(name)}.`);
      // Written so that anything that is not a number counts as different.
      const gaps = expected.map((value, j) => Math.abs(found[name][j] - value) / scales[j]);
      const gap = gaps.every((one) => one >= 0) ? Math.max(...gaps) : Infinity;
      if (!(gap <= tolerance)) throw new Refused(`It fails its golden vectors: ${quoted(name)} of number ${i} differs.`);
      worst = Math.max(worst, gap);
    }
    if (!continuous) checkAction(found, outputs?.action?.[i], [scale.logits?.[i] ?? 1].flat(), tolerance, i);
  });
  return worst;
}

/** Another action than the expected one is right as well where the two are tied. */
function checkAction({ action: [index], logits }, expected, scales, tolerance, i) {
  const allowed = (place) => tolerance * (scales[place] ?? Math.max(1, Math.abs(logits[place])));
  const best = largest(logits);
  const tied = logits[best] - logits[expected] <= allowed(best) + allowed(expected);
  if (index !== best || !tied) throw new Refused(`It fails its golden vectors: the action of number ${i} is another.`);
}

const OBSERVED = 8; // numbers in an observation of LunarLander
const KNOWN_NAMES = [/^actions?$/i, /logit|prob|q_?val|score/i];

function foreignPolicy(model, digest, output) {
  const inputs = model.inputs.filter(({ name }) => !model.weights.has(name));
  if (inputs.length !== 1) throw new Refused(`It has ${inputs.length} inputs; only one, the observation, is filled here.`);
  const [{ name: input, dims }] = inputs;
  const width = dims.slice(1).reduce((product, one) => product * (one ?? 1), 1);
  if (width !== OBSERVED && dims[0] !== OBSERVED) {
    throw new Refused(`Its input has ${width} numbers; an observation of LunarLander has ${OBSERVED}.`);
  }
  const usable = model.outputs.map(({ name, type }) => usableOutput(model, input, name, type)).filter(Boolean);
  if (usable.length === 0) throw new Refused('None of its outputs is an action of LunarLander that runs here.');
  const chosen = choose(usable, output);
  return new Policy({
    ...chosen, digest,
    env: {
      id: chosen.continuous ? 'LunarLanderContinuous-v3' : 'LunarLander-v3',
      kwargs: {}, wrappers: [], max_episode_steps: 1000, reward_threshold: new Float(200),
    },
    assumptions: ['The file is not lander\'s: it has no golden vectors, and nothing says what it was trained for.', chosen.meaning],
  });
}

/** How an output gives an action, or null. */
function usableOutput(model, input, name, type) {
  let run;
  try {
    run = compile(model, input, OBSERVED, [name]);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
  const row = run(new Float64Array(OBSERVED))[name];
  if (type === 6 || type === 7) {
    if (row.length !== 1) return null;
    const act = ({ [name]: [index] }) => index;
    return { name, run, act, scores: null, continuous: false, meaning: `${quoted(name)} is the action.` };
  }
  if (row.length === 4) {
    const act = ({ [name]: values }) => largest(values);
    return { name, run, act, scores: null, continuous: false, meaning: `The action is the largest of ${quoted(name)}.` };
  }
  if (row.length !== 2) return null;
  run = compile(model, input, OBSERVED, [name], { single: true });
  const act = ({ [name]: values }) => Float32Array.from(values, (value) => Math.min(Math.max(value, -1), 1));
  return { name, run, act, scores: null, continuous: true, meaning: `${quoted(name)} holds the two throttles.` };
}

function choose(usable, output) {
  if (output !== undefined) {
    const chosen = usable.find(({ name }) => name === output);
    if (!chosen) throw new Refused(`It has no output ${quoted(output)} that could be the action.`);
    return chosen;
  }
  if (usable.length === 1) return usable[0];
  for (const pattern of KNOWN_NAMES) {
    const named = usable.filter(({ name }) => pattern.test(name));
    if (named.length === 1) return named[0];
  }
  throw new OutputUnclear(usable.map(({ name }) => name));
}
