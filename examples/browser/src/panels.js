// The live tables: what the policy sees, what it does, and what a step earns.

import { TERMS } from '../../node/lib/lunar_lander.js';

/** Name, factor to the unit, unit, decimals. The factors are Gymnasium's (docs/score.md). */
const OBSERVED = [
  ['x', 10, 'm from the pad', 2], ['height', 20 / 3, 'm above the pad', 2], ['sideways', 5, 'm/s', 2], ['upwards', 7.5, 'm/s', 2],
  ['angle', 180 / Math.PI, '° to the left', 0], ['turning', (2.5 * 180) / Math.PI, '°/s', 0], ['left leg', 1, '', 0], ['right leg', 1, '', 0],
];
const ACTIONS = ['coast', 'left engine', 'main engine', 'right engine'];
const THROTTLES = ['main throttle', 'side throttle'];

/** The three tables. */
export class Panels {
  constructor() {
    this.observation = OBSERVED.map(([name]) => row('observation', name, ['', 'unit']));
    this.terms = [...TERMS, 'return'].map((name) => row('terms', name, ['', '', '']));
    OBSERVED.forEach(([, , unit], i) => (this.observation[i].cells[1].textContent = unit));
  }

  /** @param {boolean} continuous whether the policy gives throttles */
  belongTo({ continuous }) {
    document.getElementById('action').replaceChildren();
    document.getElementById('action-caption').textContent = continuous ? 'Throttles, from -1 to 1' : 'Probability of each action';
    this.action = (continuous ? THROTTLES : ACTIONS).map((name) => row('action', name, ['', 'bar']));
    for (const { cells } of this.action) cells[1].append(document.createElement('div'));
  }

  show(flight, policy, yours) {
    OBSERVED.forEach(([, factor, unit, decimals], i) => {
      const value = flight.observation[i];
      this.observation[i].cells[0].textContent = unit ? signed(value * factor, decimals) : value ? 'on the ground' : 'in the air';
    });
    const probabilities = policy.probabilities(flight.observation);
    this.action.forEach((one, i) => {
      const value = probabilities ? probabilities[i] : flight.action[i] ?? 0;
      one.cells[0].textContent = probabilities ? `${(100 * value).toFixed(0)}%` : signed(value, 2);
      one.cells[1].firstChild.style.width = `${100 * Math.abs(Math.min(Math.max(value, -1), 1))}%`;
      one.line.classList.toggle('taken', probabilities !== null && i === flight.action);
    });
    this.terms.forEach(({ cells }, i) => {
      const of = (terms, total) => signed(i < TERMS.length ? terms[TERMS[i]] : total, 1);
      cells[0].textContent = of(flight.terms, TERMS.reduce((sum, name) => sum + flight.terms[name], 0));
      cells[1].textContent = of(flight.totals, flight.total);
      cells[2].textContent = yours ? of(yours.totals, yours.total) : '–';
    });
  }
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

/** With a true minus sign, and never minus nothing. */
export function signed(value, decimals) {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−');
}
