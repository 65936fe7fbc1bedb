// Runs episodes of a policy file and prints its score.
//
//     node examples/node/fly.js [policy.onnx] [episodes]
//
// Needs lander.wasm, which `make browser` builds.

import { readFile } from 'node:fs/promises';

import { episodesOf, openPolicy, summary } from './index.js';

const [file = new URL('../../models/lunarlander-v3/policy.onnx', import.meta.url), count = '10'] = process.argv.slice(2);
const physics = new URL('../../build/browser/lander.wasm', import.meta.url);

const policy = openPolicy(await readFile(file));
const module = await WebAssembly.compile(await readFile(physics));
const episodes = [];
for (const episode of episodesOf(module, policy, Number(count))) {
  episodes.push(episode);
  console.log(`seed ${episode.seed}  return ${episode.return.toFixed(1)}  ${episode.outcome} after ${episode.length} steps`);
}
console.log(summary(policy, episodes));
