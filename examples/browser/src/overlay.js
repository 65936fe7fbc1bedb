// What stands over the picture as text: a person's own numbers, the controls, and what to do next.

import { PAD, SAFE, endOf, motionOf, mustBrake, safety, sided } from './wording.js';

const element = (id) => document.getElementById(id);
const FAST = `${SAFE.falling} m/s`;

/** Numbers and messages in the picture. */
export class Overlay {
  constructor() {
    put('safe-falling', FAST);
  }

  /** The numbers of a person's flight; a tick stands where it is safe to touch down. */
  showNumbers(game) {
    for (const id of ['numbers', 'controls']) element(id).hidden = !game.shared;
    if (!game.shared) return;
    const { observation, outcome, impact } = game.yours;
    // After a crash those of the touch, since the wreck rests.
    const motion = outcome === 'crashed' ? impact : motionOf(observation);
    const safe = safety(motion);
    put('your-height', `${Math.abs(motion.height).toFixed(1)} m${motion.height < -0.05 ? ' below the pad' : ''}`);
    put('your-place', sided(-motion.x, 1, ' m'), Math.abs(motion.x) <= PAD);
    put('your-falling', `${sided(motion.falling, 1, ' m/s', 'down', 'up')}${mustBrake(motion) ? ', brake!' : ''}`, safe.falling);
    put('your-sideways', sided(motion.sideways, 1, ' m/s'), safe.sideways);
    put('your-tilt', sided(motion.tilt, 0, '°', 'left', 'right'), safe.tilt);
    element('your-falling').classList.toggle('brake', mustBrake(motion));
  }

  /** What a person should know now, or nothing. `steady`: whether the lander is kept from spinning. */
  showMessage(game, steady) {
    const [title, text, next] = messageOf(game, steady) ?? ['', '', ''];
    element('message-other').hidden = !ended(game);
    put('message-title', title);
    put('message-text', text);
    put('message-next', next);
    element('message').hidden = title === '';
    element('view').classList.toggle('told', title !== '');
  }
}

/** Whether a person's flight is over, so that another moon may be chosen. */
function ended(game) {
  return game.shared && !game.paused && !game.waiting && game.yours.outcome !== null;
}

function messageOf(game, steady) {
  if (game.paused) return ['Paused', '', game.shared ? 'Space or a tap: go on' : 'Choose Go on.'];
  if (!game.shared) return game.over ? [policyEnd(game.policys), '', 'The next moon follows.'] : null;
  if (game.waiting) {
    const sides = steady ? '← or → to lean: then ↑ pushes that way too' : 'tap ← or → to tilt: it turns on until you tap the other way';
    return ['Your turn', `Hold ↑ to brake, near the ground when you fall faster than ${FAST}; ${sides}. Touch down when all numbers below the height have a green ✓.`, 'A key or a button below starts.'];
  }
  if (!ended(game)) return motionOf(game.yours.observation).standing ? ['Touchdown', 'Release the keys and wait until it rests.', ''] : null;
  const { title, reason } = endOf(game.yours);
  return [title, reason, 'Space or a tap: this moon again'];
}

function policyEnd({ outcome }) {
  return outcome === 'landed' ? 'The policy has landed' : 'The policy has not landed';
}

/** Writing only what has changed spares the browser a layout at each picture. */
function put(id, text, safe = null) {
  const shown = safe ? `${text} ✓` : text;
  if (element(id).textContent === shown) return;
  element(id).textContent = shown;
  if (safe !== null) element(id).classList.toggle('safe', safe);
}
