// Gravity and wind: the sliders, and what they change of the environment that a policy was made for.

import { Float, floatText, plain } from '../../node/lib/canonical.js';
import { DEFAULTS } from '../../node/lib/lunar_lander.js';
import { signed } from './wording.js';

const SLIDERS = { gravity: 'gravity', wind_power: 'wind-power', turbulence_power: 'turbulence' };
const UNITS = { gravity: ' m/s²', wind_power: '', turbulence_power: '' };

/** The settings of the moon as the page shows them. */
export class Moon {
  #usual = { ...DEFAULTS };
  #start = {};

  /** @param {() => void} onChange */
  constructor(onChange) {
    for (const name of Object.keys(SLIDERS)) this.#slider(name).addEventListener('input', () => this.#changed(onChange));
    element('wind').addEventListener('change', () => this.#changed(onChange));
    element('usual').addEventListener('click', () => {
      this.set({});
      onChange();
    });
  }

  /** From now on differences count from the environment of this policy. */
  belongTo(policy) {
    this.#usual = { ...DEFAULTS, ...plain(policy.env.kwargs) };
    this.set({});
    // Not the values themselves: a slider moves them to the nearest of its steps.
    this.#start = this.#shown;
  }

  /** Show these values, and the usual ones for the rest. */
  set(values) {
    const all = { ...this.#usual, ...values };
    for (const name of Object.keys(SLIDERS)) this.#slider(name).value = all[name];
    element('wind').checked = all.enable_wind;
    this.#show();
  }

  /** Arguments that differ from the policy's own environment; numbers as Float. */
  get changes() {
    const shown = this.#shown;
    const effective = (name) => shown.enable_wind || !['wind_power', 'turbulence_power'].includes(name);
    const changed = Object.entries(shown).filter(([name, value]) => value !== this.#start[name] && effective(name));
    return Object.fromEntries(changed.map(([name, value]) => [name, typeof value === 'number' ? new Float(value) : value]));
  }

  get #shown() {
    const numbers = Object.keys(SLIDERS).map((name) => [name, Number(this.#slider(name).value)]);
    return { enable_wind: element('wind').checked, ...Object.fromEntries(numbers) };
  }

  #slider(name) {
    return element(SLIDERS[name]);
  }

  #changed(onChange) {
    this.#show();
    onChange();
  }

  #show() {
    for (const [name, id] of Object.entries(SLIDERS)) {
      element(`${id}-value`).textContent = `${signed(this.#shown[name], 1)}${UNITS[name]}`;
    }
    for (const name of ['wind_power', 'turbulence_power']) this.#slider(name).disabled = !element('wind').checked;
  }
}

/** Changes as options of `lander eval`. */
export function asOptions(changes) {
  return Object.entries(changes).map(([name, value]) => ` --env-arg ${name}=${value instanceof Float ? floatText(value.value) : value}`).join('');
}

/** Changes as parts of an address, and back. */
export function asAddress(changes) {
  return Object.entries(plain(changes)).map(([name, value]) => `&${name}=${value}`).join('');
}

export function fromAddress(parameters) {
  const values = {};
  for (const name of Object.keys(SLIDERS)) {
    const value = Number(parameters.get(name) ?? NaN);
    if (Number.isFinite(value)) values[name] = value;
  }
  if (parameters.has('enable_wind')) values.enable_wind = parameters.get('enable_wind') === 'true';
  return values;
}

function element(id) {
  return document.getElementById(id);
}
