// Returns, lengths and outcomes are those of Gymnasium, bit for bit, from the same seeds.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { Float, LunarLander, Refused, TERMS, environmentOf, episodesOf, openPolicy, summary } from '../../../examples/node/index.js';
import { expected, physics } from './expected.js';

for (const { file, changes, report } of expected.scores) {
  test(`${report.returns.length} episodes of ${file} ${JSON.stringify(changes)}`, () => {
    const opened = openPolicy(readFileSync(file));
    const kwargs = Object.entries(changes).map(([name, value]) => [name, typeof value === 'number' ? new Float(value) : value]);
    const env = { ...opened.env, kwargs: { ...opened.env.kwargs, ...Object.fromEntries(kwargs) } };
    const policy = { act: (observation) => opened.act(observation), env, sha256: opened.sha256 };
    const episodes = [...episodesOf(physics, policy, report.returns.length)];
    assert.deepEqual(episodes.map((one) => one.return), report.returns);
    assert.deepEqual(episodes.map((one) => one.length), report.lengths);
    assert.deepEqual(episodes.map((one) => one.outcome), report.outcomes);
    const score = summary(policy, episodes);
    assert.equal(score.episodes_sha256, report.episodes_sha256);
    assert.ok(Math.abs(score.mean_return - report.mean_return) < 1e-9);
    score.ci95.forEach((end, i) => assert.ok(Math.abs(end - report.ci95[i]) < 1e-9));
    assert.equal(score.success_rate, report.success_rate);
  });
}

for (const { options, episodes } of expected.flights) {
  test(`the physics of ${JSON.stringify(options)} are Gymnasium's, action by action`, () => {
    const environment = new LunarLander(physics, options);
    for (const { seed, actions, rewards, observations } of episodes) {
      assert.deepEqual([...environment.reset(seed)], observations[0]);
      actions.forEach((action, i) => {
        const { reward, observation } = environment.step(action);
        assert.equal(reward, rewards[i]);
        assert.deepEqual([...observation], observations[i + 1]);
      });
    }
  });
}

for (const { file, report, exact } of expected.throttles) {
  test(`the episodes of ${file} are the same where ONNX Runtime rounds as here, and near elsewhere`, () => {
    const policy = openPolicy(readFileSync(file));
    const episodes = [...episodesOf(physics, policy, report.returns.length)];
    if (exact) assert.equal(summary(policy, episodes).episodes_sha256, report.episodes_sha256);
    const near = episodes.filter((one, i) => Math.abs(one.return - report.returns[i]) < 1e-3 * Math.abs(report.returns[i]));
    assert.ok(near.length >= 0.8 * episodes.length, String(near.length));
  });
}

test('the terms of the reward add up to it, except that the end replaces them', () => {
  const environment = new LunarLander(physics);
  environment.reset(3);
  for (let ended = false; !ended;) {
    const { reward, terms, terminated } = environment.step(environment.steps % 4);
    const sum = TERMS.reduce((total, name) => total + terms[name], 0);
    assert.ok(Math.abs(sum - reward) < 1e-9);
    if (terminated) assert.equal(terms.ending, reward);
    ended = terminated;
  }
});

test('two environments do not disturb each other', () => {
  const alone = new LunarLander(physics);
  const [one, other] = [new LunarLander(physics), new LunarLander(physics, { gravity: -3 })];
  for (const environment of [alone, one, other]) environment.reset(8);
  for (let i = 0; i < 60; i++) {
    other.step(2);
    assert.deepEqual(one.step(i % 4).observation, alone.step(i % 4).observation);
  }
});

test('what LunarLander does not take is refused', () => {
  assert.throws(() => new LunarLander(physics, { gravity: 1 }), /between -12 and 0/);
  assert.throws(() => new LunarLander(physics, { power: 1 }), /no argument "power"/);
  assert.throws(() => new LunarLander(physics, { enable_wind: 1 }), /should be a boolean/);
  const env = { id: 'CartPole-v1', kwargs: {}, wrappers: [] };
  assert.throws(() => environmentOf(physics, { env }), Refused);
  const environment = new LunarLander(physics);
  environment.reset(0);
  assert.throws(() => environment.step(4), /0, 1, 2 or 3/);
});
