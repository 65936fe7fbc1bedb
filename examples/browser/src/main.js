// Puts the page together: who owns what is in the other modules; here are only the wires.

import { FIRST_SEED } from '../../node/lib/episodes.js';
import { openPolicy } from '../../node/lib/policy.js';
import { Choosing } from './choosing.js';
import { draw } from './drawing.js';
import { embeddedPhysics, embeddedPolicy, embeddedSettings } from './embedded.js';
import { Game } from './game.js';
import { Moon, asAddress, asOptions, fromAddress } from './moon.js';
import { Panels, signed } from './panels.js';
import { Pilot } from './pilot.js';
import { Scoring } from './scoring.js';

const element = (id) => document.getElementById(id);
const PANELS_EVERY = 100; // milliseconds: faster than that, no number can be read

async function start() {
  const settings = embeddedSettings();
  const physics = await embeddedPhysics();
  const address = new URLSearchParams(location.hash.slice(1));
  const game = new Game(physics);
  const panels = new Panels();
  const moon = new Moon(() => {
    scoring.forget();
    game.use(game.policy, moon.changes);
    told();
  });
  const named = { options: '' };
  const scoring = new Scoring(physics, () => ({
    policy: { act: (observation) => game.policy.act(observation), env: game.recipe, sha256: game.policy.sha256 },
    options: named.options + asOptions(moon.changes),
  }));
  game.seed = seedOf(address.get('seed')) ?? settings.seed ?? FIRST_SEED;

  const fly = (policy, name, output) => {
    const said = output === undefined ? '' : ` --output ${forShell(output)}`;
    named.options = forShell(name) + (policy.info === null ? ` --env ${policy.env.id}${said}` : '');
    moon.belongTo(policy);
    panels.belongTo(policy);
    scoring.forget();
    element('policy-told').textContent = description(policy, name);
    game.use(policy, moon.changes);
    told();
  };
  fly(openPolicy(embeddedPolicy()), settings.name);
  moon.set(fromAddress(address));
  game.use(game.policy, moon.changes);
  new Choosing(physics, fly);

  const pilot = new Pilot(element('view'), element('thrusters').querySelectorAll('button'), () => game.shared, () => {
    if (game.shared && !game.paused) game.waiting = false;
  });
  wire(game, pilot, moon, told);

  /** Seed and moon into the address, and into the field. */
  function told() {
    element('seed').value = game.seed;
    history.replaceState(null, '', `#seed=${game.seed}${asAddress(moon.changes)}`);
  }

  let last = performance.now();
  let shown = 0;
  let ended = false;
  const frame = (now) => {
    requestAnimationFrame(frame);
    if (game.advance(now - last, pilot.action)) {
      game.begin(game.seed + 1);
      told();
    }
    last = now;
    draw(element('canvas'), game.flights);
    if (game.over !== ended) announce(game);
    if (now - shown > PANELS_EVERY || game.over !== ended) {
      shown = now;
      panels.show(game.policys, game.policy, game.yours);
      cards(game);
    }
    ended = game.over;
  };
  requestAnimationFrame(frame);
  document.documentElement.dataset.ready = 'true';
}

function wire(game, pilot, moon, told) {
  const again = (seed) => {
    pilot.letGo();
    game.begin(seed);
    told();
  };
  const pause = (paused) => {
    game.paused = paused;
    element('pause').textContent = paused ? 'Go on' : 'Pause';
  };
  element('pause').addEventListener('click', () => pause(!game.paused));
  element('again').addEventListener('click', () => again(game.seed));
  element('next').addEventListener('click', () => again(game.seed + 1));
  element('speed').addEventListener('change', ({ target }) => (game.speed = Number(target.value)));
  element('seed').addEventListener('change', ({ target }) => again(seedOf(target.value) ?? game.seed));
  element('fly').addEventListener('click', () => {
    game.share(!game.shared);
    pause(false);
    element('fly').setAttribute('aria-pressed', game.shared);
    element('fly').textContent = game.shared ? 'Only watch' : 'Fly yourself';
    element('thrusters').hidden = !game.shared;
    if (game.shared) element('view').focus();
  });
  element('share').addEventListener('click', async ({ target }) => {
    try {
      await navigator.clipboard.writeText(location.href);
      target.textContent = 'Copied';
    } catch {
      target.textContent = 'Copy it from the address bar';
    }
  });
  addEventListener('hashchange', () => {
    const address = new URLSearchParams(location.hash.slice(1));
    moon.set(fromAddress(address));
    game.seed = seedOf(address.get('seed')) ?? game.seed;
    game.use(game.policy, moon.changes);
    told();
  });
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) pause(true);
}

function cards(game) {
  element('policy-return').textContent = signed(game.policys.total, 1);
  element('policy-status').textContent = status(game.policys);
  element('your-return').textContent = game.shared ? signed(game.yours.total, 1) : '–';
  element('your-status').textContent = !game.shared ? 'not flying' : game.waiting ? 'fire an engine to start' : status(game.yours);
}

function status(flight) {
  return flight.outcome === null ? `${(flight.steps / 50).toFixed(1)} s` : `${flight.outcome} after ${(flight.steps / 50).toFixed(1)} s`;
}

/** Once an episode, for those who listen to the page. */
function announce(game) {
  const sentences = game.flights.map(([name, { outcome, total }]) => `${name === 'you' ? 'You' : 'The policy'}: ${outcome}, return ${signed(total, 1)}.`);
  element('told').textContent = game.over ? `Seed ${game.seed}. ${sentences.join(' ')}` : '';
}

function description(policy, name) {
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

start().catch((error) => {
  const fault = element('fault');
  fault.textContent = `The page could not start: ${error.message}`;
  fault.hidden = false;
  throw error;
});
