// A page with a policy in it: the loop of pictures, the buttons, and what stands in the address.

import { FIRST_SEED } from '../../node/lib/episodes.js';
import { draw } from './drawing.js';
import { Game } from './game.js';
import { Moon, asAddress, asOptions, fromAddress } from './moon.js';
import { Overlay } from './overlay.js';
import { Panels } from './panels.js';
import { Pilot } from './pilot.js';
import { Scoring } from './scoring.js';
import { steadied } from './steadying.js';
import { SPEEDS, endOf, signed, statusOf } from './wording.js';

const element = (id) => document.getElementById(id);
const PANELS_EVERY = 100; // milliseconds: faster than that, no number can be read
const SPACE_RESTS = 500; // milliseconds after an end: a key that was meant for the flight does not begin another

/** Begins with the first policy that is accepted; `fly` exchanges it. */
export class Session {
  #named = '';
  #last = performance.now();
  #shown = 0;
  #over = false;
  #ended = null; // when the person's flight did
  // A flight lasts some three seconds. At a quarter of the speed a person with late hands lands nearly every time.
  #speeds = { watch: 1, fly: 0.25 };

  /**
   * @param {WebAssembly.Module} physics
   * @param {number | null} seed of the first episode, where the address has none
   */
  constructor(physics, seed) {
    this.game = new Game(physics);
    this.panels = new Panels();
    this.overlay = new Overlay();
    this.moon = new Moon(() => this.#newMoon());
    this.scoring = new Scoring(physics, () => this.#scored());
    this.pilot = new Pilot(element('flight'), element('thrusters').querySelectorAll('button'), {
      flies: () => this.game.shared, onPress: () => this.#firstPress(), onGo: () => this.#go(),
    });
    this.game.seed = seedOf(addressed().get('seed')) ?? seed ?? FIRST_SEED;
    this.#listen();
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) this.#pause(true);
  }

  /** Let a policy fly from now on. `output` is the one that was chosen in a file of another library. */
  fly(policy, name, output) {
    const first = !this.game.policy;
    const said = output === undefined ? '' : ` --output ${forShell(output)}`;
    this.#named = forShell(name) + (policy.info === null ? ` --env ${policy.env.id}${said}` : '');
    element('policy-told').textContent = described(policy, name);
    this.panels.belongTo(policy);
    this.moon.belongTo(policy);
    if (first) this.moon.set(fromAddress(addressed()));
    this.game.policy = policy;
    this.#newMoon();
    if (first) requestAnimationFrame((now) => this.#frame(now));
  }

  #newMoon() {
    this.scoring.forget();
    this.game.use(this.game.policy, this.moon.changes);
    this.#tell();
  }

  /** A seed that cannot be stays in the field, with the reason below, and the moon stays too. */
  #takeSeed(text) {
    const seed = seedOf(text);
    if (seed !== null) this.#begin(seed);
    else tellSeed(`A seed is a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, written in digits. The moon stays that of seed ${this.game.seed}.`);
  }

  /** Seed and moon into the address, and into the field. */
  #tell() {
    element('seed').value = this.game.seed;
    tellSeed('');
    history.replaceState(null, '', `#seed=${this.game.seed}${asAddress(this.moon.changes)}`);
  }

  #begin(seed) {
    this.pilot.letGo();
    this.game.begin(seed);
    this.#tell();
  }

  /** Begins, and gives the keys to the flight: Space would press the button again. */
  #anew(seed) {
    this.#begin(seed);
    if (this.game.shared) element('view').focus({ preventScroll: true });
  }

  #frame(now) {
    requestAnimationFrame((next) => this.#frame(next));
    const { game } = this;
    if (game.advance(now - this.#last, (flight) => this.#engine(flight))) this.#begin(game.seed + 1);
    this.#last = now;
    draw(element('canvas'), game.flights, game.fraction);
    if (game.yours?.outcome == null) this.#ended = null;
    else this.#ended ??= now;
    this.overlay.showMessage(game, element('steady').checked);
    const turned = game.over !== this.#over;
    this.#over = game.over;
    if (turned) announce(game);
    if (!turned && now - this.#shown < PANELS_EVERY) return;
    this.#shown = now;
    this.overlay.showNumbers(game);
    this.panels.show(game.policys, game.policy, game.yours);
    cards(game);
  }

  /** The person's engine in this step. */
  #engine({ observation, steps }) {
    if (!element('steady').checked) return this.pilot.action;
    this.game.helped = true;
    return steadied(this.pilot.wanted, observation, steps);
  }

  #firstPress() {
    if (this.game.shared && !this.game.paused) this.game.waiting = false;
  }

  /** Space, Enter or a tap on the picture: on from a pause, or once more from the beginning. */
  #go() {
    if (this.game.paused) this.#pause(false);
    else if (this.#ended !== null && performance.now() - this.#ended > SPACE_RESTS) this.#begin(this.game.seed);
  }

  /** A person who looks elsewhere neither holds a key nor flies on. */
  #lookAway() {
    this.pilot.letGo();
    const { yours, waiting } = this.game;
    if (yours?.outcome === null && !waiting) this.#pause(true);
  }

  #setSpeed(speed) {
    this.#speeds[this.game.shared ? 'fly' : 'watch'] = speed;
    this.game.speed = speed;
    for (const button of element('speeds').querySelectorAll('button')) {
      button.setAttribute('aria-pressed', Number(button.dataset.speed) === speed);
    }
  }

  #pause(paused) {
    this.game.paused = paused;
    element('pause').textContent = paused ? 'Go on' : 'Pause';
  }

  #share() {
    const { game } = this;
    game.share(!game.shared);
    this.pilot.letGo();
    this.#pause(false);
    element('fly').setAttribute('aria-pressed', game.shared);
    element('fly').textContent = game.shared ? 'Only watch' : 'Fly yourself';
    element('thrusters').hidden = !game.shared;
    this.#setSpeed(this.#speeds[game.shared ? 'fly' : 'watch']);
    if (!game.shared) return;
    element('view').focus({ preventScroll: true });
    element('stage').scrollIntoView({ block: 'nearest' }); // Picture and buttons, not the picture alone.
  }

  /** The policy as it flies here, and how `lander eval` is told of it. */
  #scored() {
    const { policy, recipe } = this.game;
    return {
      policy: { act: (observation) => policy.act(observation), env: recipe, sha256: policy.sha256, continuous: policy.continuous },
      options: this.#named + asOptions(this.moon.changes),
    };
  }

  #listen() {
    element('pause').addEventListener('click', () => this.#pause(!this.game.paused));
    element('again').addEventListener('click', () => this.#anew(this.game.seed));
    element('next').addEventListener('click', () => this.#anew(this.game.seed + 1));
    element('message-other').addEventListener('click', (event) => {
      event.stopPropagation(); // A tap on the picture begins the same moon again.
      this.#anew(this.game.seed + 1);
    });
    element('steady').addEventListener('change', () => this.#anew(this.game.seed));
    element('fly').addEventListener('click', () => this.#share());
    element('share').addEventListener('click', ({ target }) => copyAddress(target));
    element('view').addEventListener('click', () => this.game.shared && this.#go());
    element('speeds').addEventListener('click', ({ target }) => target.dataset.speed && this.#setSpeed(Number(target.dataset.speed)));
    element('seed').addEventListener('change', ({ target }) => this.#takeSeed(target.value.trim()));
    addEventListener('blur', () => this.#lookAway());
    document.addEventListener('visibilitychange', () => document.hidden && this.#lookAway());
    addEventListener('hashchange', () => {
      this.moon.set(fromAddress(addressed()));
      this.game.seed = seedOf(addressed().get('seed')) ?? this.game.seed;
      this.#newMoon();
    });
  }
}

function tellSeed(text) {
  element('seed-told').textContent = text;
  element('seed-told').hidden = text === '';
  element('seed').setAttribute('aria-invalid', text !== '');
}

function addressed() {
  return new URLSearchParams(location.hash.slice(1));
}

async function copyAddress(button) {
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Copy it from the address bar';
  }
}

function cards(game) {
  element('policy-return').textContent = signed(game.policys.total, 1);
  element('policy-status').textContent = statusOf(game.policys);
  element('your-return').textContent = game.shared ? signed(game.yours.total, 1) : '–';
  element('your-status').textContent = !game.shared ? 'not flying' : game.waiting ? 'waiting for a key' : statusOf(game.yours);
  element('your-speed').textContent = game.shared ? `at ${SPEEDS[game.fastest || game.speed]}${game.helped ? ', with help' : ''}` : '';
}

/** Once an episode, for those who listen to the page. */
function announce(game) {
  const sentences = game.flights.map(([name, { outcome, total }]) => `${name === 'you' ? 'You' : 'The policy'}: ${outcome}, return ${signed(total, 1)}.`);
  if (game.shared && game.over) sentences.push(endOf(game.yours).reason);
  element('told').textContent = game.over ? `Seed ${game.seed}. ${sentences.join(' ')}` : '';
}

function described(policy, name) {
  const { evaluation } = policy.info ?? {};
  const claim = evaluation ? ` It claims a mean return of ${signed(evaluation.mean_return, 1)} over ${evaluation.episodes} episodes.` : '';
  return `Flying: ${name}, for ${policy.env.id}.${claim}`;
}

/** A word that may be pasted into a shell. */
function forShell(word) {
  return /^[\w@%+=:,./][\w@%+=:,./-]*$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

/** A seed that can be counted exactly, or null. */
function seedOf(text) {
  return /^\d+$/.test(text ?? '') && Number.isSafeInteger(Number(text)) ? Number(text) : null;
}
