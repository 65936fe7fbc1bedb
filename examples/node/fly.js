// Runs episodes of a policy file and prints its score.
//
//     node examples/node/fly.js [policy.onnx] [episodes]
//
// Needs lander.wasm, which `make browser` builds.

import { readFile } from 'node:fs/promises';

import { Refused, episodesOf, openPolicy, summary } from './index.js';

const [file = new URL('../../models/lunarlander-v3/policy.onnx', import.meta.url), count = '10'] = process.argv.slice(2);
const physics = new URL('../../build/browser/lander.wasm', import.meta.url);

if (process.argv.length > 4 || !/^[1-9][0-9]*$/.test(count)) {
  stop('usage: node examples/node/fly.js [policy.onnx] [episodes]', 2);
}
const bytes = await readFile(file).catch((error) => stop(error.message));
const wasm = await readFile(physics).catch(() => stop('build/browser/lander.wasm is missing. Make it with: make browser', 4));
const module = await WebAssembly.compile(wasm);
try {
  const policy = openPolicy(bytes);
  const episodes = [];
  for (const episode of episodesOf(module, policy, Number(count))) {
    episodes.push(episode);
    console.log(`seed ${episode.seed}  return ${episode.return.toFixed(1)}  ${episode.outcome} after ${episode.length} steps`);
  }
  console.log(summary(policy, episodes));
} catch (error) {
  if (!(error instanceof Refused)) {
    throw error;
  }
  stop(`${file}: ${error.message}`);
}

function stop(message, exitCode = 3) {
  console.error(message);
  process.exit(exitCode);
}
