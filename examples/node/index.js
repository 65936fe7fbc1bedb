// A lander policy in JavaScript, without any dependency: `openPolicy(bytes).act(observation)`. And LunarLander,
// with the returns of Gymnasium's.

export { Float, parseWithFloats, plain } from './lib/canonical.js';
export { FIRST_SEED, environmentOf, episodesDigest, episodesOf, runEpisode, summary } from './lib/episodes.js';
export { DEFAULTS, LunarLander, MOST_STEPS, TERMS, outcomeOf } from './lib/lunar_lander.js';
export { Refused } from './lib/onnx.js';
export { OutputUnclear, Policy, openPolicy } from './lib/policy.js';
