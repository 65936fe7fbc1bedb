// Processor time of an action and of a step of LunarLander in Node, for the policy that ships.
//
//     make browser && node benchmarks/javascript_speed.mjs

import { readFileSync } from 'node:fs';

import { episodesOf, openPolicy } from '../examples/node/index.js';

const root = new URL('..', import.meta.url);
const policy = openPolicy(readFileSync(new URL('models/lunarlander-v3/policy.onnx', root)));
const physics = new WebAssembly.Module(readFileSync(new URL('build/browser/lander.wasm', root)));

/** Microseconds of processor time that each of `count` repetitions took, without the first `warm`. */
function timed(count, warm, work) {
  for (let i = 0; i < warm; i++) work();
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

const observation = Float32Array.of(0.1, 0.5, 0.1, -0.3, 0.02, 0.01, 0, 0);
let steps = 0;
const hundred = timed(1, 1, () => {
  steps = 0;
  for (const { length } of episodesOf(physics, policy, 100)) steps += length;
});
console.log(`node ${process.version}`);
console.log(`an action               ${timed(200_000, 20_000, () => policy.act(observation)).toFixed(1)} us`);
console.log(`an action and a step    ${(hundred / steps).toFixed(1)} us`);
