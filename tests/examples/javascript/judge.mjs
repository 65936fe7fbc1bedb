// How often the library acts as onnxruntime-node: `node judge.mjs FOLDER POLICY...`, one JSON object on stdout.
// FOLDER holds node_modules with onnxruntime-node.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { openPolicy } from '../../../examples/node/index.js';

const OBSERVATIONS = 2000;
const [folder, ...files] = process.argv.slice(2);
const ort = createRequire(`${folder}/`)('onnxruntime-node');

/** From -2 to 2, the same in every run. */
let state = 1;
function number() {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return (state / 0x7fffffff) * 4 - 2;
}

const found = {};
for (const file of files) {
  const policy = openPolicy(readFileSync(file));
  const session = await ort.InferenceSession.create(file);
  const score = { observations: OBSERVATIONS, equal: 0, difference: 0 };
  for (let i = 0; i < OBSERVATIONS; i++) {
    const observation = Float32Array.from({ length: 8 }, number);
    const input = new ort.Tensor('float32', observation, [1, 8]);
    const { data } = actionOf(await session.run({ [session.inputNames[0]]: input }), policy);
    const action = [policy.act(observation)].flat().flatMap((one) => [...(one.length === undefined ? [one] : one)]);
    const expected = Array.from(data, (one) => (policy.continuous ? Math.min(Math.max(one, -1), 1) : Number(one)));
    score.equal += action.every((one, j) => one === expected[j]);
    score.difference = Math.max(score.difference, ...action.map((one, j) => Math.abs(one - expected[j])));
  }
  found[file] = score;
}
process.stdout.write(JSON.stringify(found));

/** In a file of another library the throttles are the first output of two numbers. */
function actionOf(outputs, policy) {
  return outputs.action ?? Object.values(outputs).find(({ dims }) => policy.continuous && dims.at(-1) === 2);
}
