// The live tables: what the policy sees, what it does, and what a step earns.

import { TERMS } from '../../node/lib/lunar_lander.js';
import { motionOf, sided, signed } from './wording.js';

/** Name, and how an observation reads there. */
const OBSERVED = [
  ['from the pad’s middle', ({ x }) => sided(x, 1, ' m')],
  ['height above the pad', ({ height }) => `${signed(height, 1)} m`],
  ['sideways', ({ sideways }) => sided(sideways, 1, ' m/s')],
  ['up or down', ({ falling }) => sided(falling, 1, ' m/s', 'down', 'up')],
  ['tilt', ({ tilt }) => sided(tilt, 0, '°', 'left', 'right')],
  ['turning', ({ turning }) => sided(turning, 0, '°/s', 'left', 'right')],
  ['left leg', (_, legs) => contact(legs[0])],
  ['right leg', (_, legs) => contact(legs[1])],
];
const ACTIONS = ['no engine', 'left engine', 'main engine', 'right engine'];
const THROTTLES = ['main throttle', 'side throttle'];

/** The three tables. */
export class Panels {
  constructor() {
    this.observation = OBSERVED.map(([name]) => row('observation', name, ['', '']));
    this.terms = [...TERMS, 'return'].map((name) => row('terms', name, ['', '', '']));
  }

  /** @param {Policy} policy whose actions are shown from now on */
  belongTo(policy) {
    const { continuous } = policy;
    document.getElementById('action').replaceChildren();
    document.getElementById('action-caption').textContent = captionOf(policy);
    this.action = (continuous ? THROTTLES : ACTIONS).map((name) => row('action', name, ['', 'bar']));
    for (const { cells } of this.action) cells[1].append(document.createElement('div'));
  }

  show(flight, policy, yours) {
    const columns = [flight, yours].map((one) => one && [motionOf(one.observation), one.observation.slice(6)]);
    OBSERVED.forEach(([, read], i) => columns.forEach((of, j) => (this.observation[i].cells[j].textContent = of ? read(...of) : '–')));
    this.#showActions(flight, policy);
    this.terms.forEach(({ cells }, i) => {
      const of = (terms, total) => signed(i < TERMS.length ? terms[TERMS[i]] : total, 1);
      cells[0].textContent = of(flight.terms, TERMS.reduce((sum, name) => sum + flight.terms[name], 0));
      cells[1].textContent = of(flight.totals, flight.total);
      cells[2].textContent = yours ? of(yours.totals, yours.total) : '–';
    });
  }

  /** What the policy does about the observation that is shown, not about the one before. */
  #showActions({ observation, outcome }, policy) {
    const probabilities = policy.probabilities(observation);
    const action = policy.act(observation);
    const values = probabilities ?? (policy.continuous ? action : this.action.map((_, i) => Number(i === action)));
    this.action.forEach((one, i) => {
      const value = values[i];
      one.cells[0].textContent = policy.continuous ? signed(value, 2) : probabilities ? `${(100 * value).toFixed(0)}%` : '';
      one.cells[1].firstChild.style.width = `${100 * Math.abs(Math.min(Math.max(value, -1), 1))}%`;
      one.line.classList.toggle('taken', outcome === null && i === action);
    });
  }
}

/** The scores of another library's network are shown as no probabilities: they may be returns that it expects. */
function captionOf({ continuous, hasProbabilities }) {
  if (continuous) return 'Throttles of the policy, from -1 to 1';
  return hasProbabilities ? 'Probability of each action of the policy' : 'Action of the policy';
}

function contact(touching) {
  return touching ? 'on the ground' : 'in the air';
}

/** A line of a table: its name, then a cell for each class. */
function row(table, name, classes) {
  const line = document.createElement('tr');
  const head = document.createElement('th');
  head.scope = 'row';
  head.textContent = name;
  const cells = classes.map((one) => Object.assign(document.createElement('td'), { className: one }));
  line.append(head, ...cells);
  document.getElementById(table).append(line);
  return { line, cells };
}
