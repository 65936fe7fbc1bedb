// "Score 100 episodes here": in small portions, so that the page stays alive.

import { FIRST_SEED, episodesOf, summary } from '../../node/lib/episodes.js';
import { signed } from './wording.js';

const EPISODES = 100;
const PORTION = 12; // milliseconds

const SAME = 'prints the same numbers and the same episodes_sha256, which is a fingerprint of all 100 results.';
const NUMBERS = 'prints the same episodes_sha256 (a fingerprint of all 100 results) on an x86-64 processor with FMA, if the network has tanh or ReLU. Elsewhere throttles may be rounded differently, and the last digits of returns differ.';

const element = (id) => document.getElementById(id);

/** The part of the page with the score. */
export class Scoring {
  #run = 0;

  /** @param {() => { policy: object, options: string }} what the policy with its environment, and how `lander eval` is told of it */
  constructor(physics, what) {
    this.physics = physics;
    element('score').addEventListener('click', () => this.score(what()));
  }

  /** What is shown no longer belongs to what flies. */
  forget() {
    this.#run += 1;
    this.#show(false);
    element('result').hidden = element('repeat').hidden = true;
  }

  async score({ policy, options }) {
    this.forget();
    const run = this.#run;
    this.#show(true);
    const started = performance.now();
    const episodes = [];
    let until = started + PORTION;
    for (const episode of episodesOf(this.physics, policy, EPISODES)) {
      episodes.push(episode);
      if (performance.now() < until) continue;
      element('progress').value = episodes.length;
      await new Promise((resolve) => setTimeout(resolve));
      if (run !== this.#run) return;
      until = performance.now() + PORTION;
    }
    this.#show(false);
    report(summary(policy, episodes), episodes, performance.now() - started);
    element('command').textContent = `lander eval ${options} --episodes ${EPISODES} --json`;
    element('alike').textContent = policy.continuous ? NUMBERS : SAME;
    element('result').hidden = element('repeat').hidden = false;
  }

  #show(running) {
    element('progress').hidden = !running;
    element('progress').value = 0;
    element('score').disabled = running;
  }
}

function report(score, episodes, milliseconds) {
  const counts = new Map();
  for (const { outcome } of episodes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const rows = [
    ['mean return', `${signed(score.mean_return, 1)} ± ${score.std_return.toFixed(1)}`],
    ['95% interval', score.ci95.map((end) => signed(end, 1)).join(' to ')],
    ['outcomes', [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ')],
    ['seeds', `${FIRST_SEED} to ${FIRST_SEED + EPISODES - 1}`],
    ['time', `${(milliseconds / 1000).toFixed(1)} s`],
    ['episodes_sha256', score.episodes_sha256],
  ];
  element('result').replaceChildren(...rows.flatMap(([name, value]) => [textElement('dt', name), textElement('dd', value)]));
}

function textElement(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text });
}
