// Episodes and their score, with the digest that `lander eval --json` prints as `episodes_sha256`.

import { Float, canonical, plain } from './canonical.js';
import { ENVIRONMENTS, LunarLander, MOST_STEPS, outcomeOf } from './lunar_lander.js';
import { Refused, quoted } from './onnx.js';
import { sha256 } from './sha256.js';
import { deviation, mean, meanInterval } from './statistics.js';

/** The first seed of an evaluation; training uses smaller ones. */
export const FIRST_SEED = 1_000_000;

/**
 * The environment that a policy was made for.
 * @param {WebAssembly.Module} module of lander.wasm
 * @param {{ env: object }} policy or anything with its recipe
 * @throws {Refused} it is not LunarLander, or has wrappers
 */
export function environmentOf(module, { env }) {
  const { id, kwargs, wrappers } = plain(env);
  if (!(id in ENVIRONMENTS)) throw new Refused(`It is for ${quoted(String(id))}; here is only LunarLander.`);
  if (wrappers?.length) throw new Refused('Its environment has wrappers, which are not made here.');
  try {
    return new LunarLander(module, { ...ENVIRONMENTS[id], ...kwargs });
  } catch (error) {
    throw new Refused(error.message);
  }
}

/** One episode with greedy actions. */
export function runEpisode(environment, policy, seed, mostSteps = MOST_STEPS) {
  let observation = environment.reset(seed);
  let total = 0;
  for (;;) {
    const result = environment.step(policy.act(observation));
    observation = result.observation;
    total += result.reward;
    const outcome = outcomeOf(result, environment.steps, mostSteps);
    if (outcome !== null) return { seed, return: total, length: environment.steps, outcome };
  }
}

/** Episodes from `firstSeed` on, one after another. */
export function* episodesOf(module, policy, count, firstSeed = FIRST_SEED) {
  const environment = environmentOf(module, policy);
  const mostSteps = plain(policy.env).max_episode_steps ?? MOST_STEPS;
  for (let i = 0; i < count; i++) yield runEpisode(environment, policy, firstSeed + i, mostSteps);
}

/** The score of episodes in the order of their seeds. */
export function summary(policy, episodes) {
  const returns = episodes.map((episode) => episode.return);
  const threshold = plain(policy.env).reward_threshold;
  return {
    episodes: episodes.length,
    first_seed: episodes[0].seed,
    mean_return: mean(returns),
    std_return: deviation(returns),
    ci95: returns.length > 1 ? meanInterval(returns) : null,
    success_rate: threshold == null ? null : returns.filter((one) => one >= threshold).length / returns.length,
    episodes_sha256: episodesDigest(policy, episodes),
  };
}

/** Of the policy, the environment, the seeds, and the returns, lengths and outcomes. */
export function episodesDigest(policy, episodes) {
  return sha256(canonical({
    policy: policy.sha256,
    env: policy.env,
    first_seed: episodes[0].seed,
    returns: episodes.map((episode) => new Float(episode.return)),
    lengths: episodes.map((episode) => episode.length),
    outcomes: episodes.map((episode) => episode.outcome),
  }));
}
