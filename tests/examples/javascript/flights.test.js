// A person's flight: slow motion changes no number, and what is said of it in words.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Game } from '../../../examples/browser/src/game.js';
import { steadied } from '../../../examples/browser/src/steadying.js';
import { SAFE, endOf, motionOf, mustBrake, safety, sided, statusOf } from '../../../examples/browser/src/wording.js';
import { LunarLander } from '../../../examples/node/lib/lunar_lander.js';
import { Float } from '../../../examples/node/lib/canonical.js';
import { physics } from './expected.js';

const RECIPE = { id: 'LunarLander-v3', kwargs: {}, wrappers: [], max_episode_steps: 1000, reward_threshold: new Float(200) };
const IDLE = { env: RECIPE, act: () => 0 };
/** Keys of a recorded flight: which is down in a step. */
const KEYS = (step) => [0, 2, 2, 1, 0, 3, 2][Math.floor(step / 7) % 7];

/** The person's flight with time passing in steps of the wall clock that `pause` gives. */
function flown(speed, pause, keys = KEYS, seed = 5) {
  const game = new Game(physics);
  game.seed = seed;
  game.use(IDLE, {});
  game.share(true);
  game.waiting = false;
  game.speed = speed;
  const rewards = [];
  for (let i = 0; game.yours.outcome === null; i++) {
    const { total } = game.yours;
    game.advance(pause(i), ({ steps }) => keys(steps));
    if (game.yours.total !== total) rewards.push(game.yours.total);
  }
  return { rewards, outcome: game.yours.outcome, steps: game.yours.steps, game };
}

test('recorded keys give the same flight at any speed', () => {
  const environment = new LunarLander(physics);
  environment.reset(5);
  const usual = [];
  for (let total = 0, done = false; !done; ) {
    const result = environment.step(KEYS(environment.steps));
    usual.push((total += result.reward));
    done = result.terminated;
  }
  for (const speed of [0.1, 0.25, 0.5, 1]) {
    // Pictures come when they like, but not so seldom that two steps fall into one.
    const { rewards, steps } = flown(speed, (i) => 1 + ((i * 7) % 19));
    assert.deepEqual(rewards, usual, `speed ${speed}`);
    assert.equal(steps, usual.length);
  }
});

test('the score says the fastest speed at which it was flown', () => {
  const { game } = flown(0.5, () => 20);
  assert.equal(game.fastest, 0.5);
  game.begin(6);
  assert.equal(game.fastest, 0);
});

test('a drawn step lies between the states before and after it', () => {
  const game = new Game(physics);
  game.seed = 3;
  game.use(IDLE, {});
  game.speed = 0.25;
  const height = () => game.policys.bodiesAt(game.fraction)[0][1];
  const heights = Array.from({ length: 40 }, () => (game.advance(10, 0), height()));
  for (let i = 9; i < heights.length; i++) assert.notEqual(heights[i], heights[i - 1]);
  assert.equal(game.policys.bodiesAt(1)[0][1], game.policys.environment.bodies[0][1]);
});

test('an end is told with the reason', () => {
  const fallen = flown(1, () => 20, () => 0, 1);
  const { title, reason } = endOf(fallen.game.yours);
  assert.equal(title, 'Crashed');
  const [, speed] = /^You came down at (\d+\.\d) m\/s: too fast\.$/.exec(reason);
  // It began at 9.4 m or so: v^2 = 2 g h.
  assert.ok(Number(speed) > 8 && Number(speed) < 16, speed);
  assert.match(statusOf(fallen.game.yours), /^crashed after \d\.\d\u00a0s$/);

  const resting = { falling: 0.5, sideways: 0, tilt: 0 };
  const ended = (observation, impact, outcome = 'crashed') => endOf({ observation, impact: { ...resting, ...impact }, outcome, total: 212.6, mostSteps: 1000 });
  const upright = [0.03, 0, 0, 0, 0, 0, 1, 1];
  assert.equal(ended(upright, {}, 'landed').reason, 'You stand 0.3 m from the middle of the pad: 213 points.');
  assert.equal(ended([0.4, 0, 0, 0, 0, 0, 1, 1], {}, 'landed').reason, 'You stand beside the pad: 213 points.');
  assert.equal(ended([1.01, 0, 0, 0, 0, 0, 0, 0], {}, 'flew off').reason, 'You left the picture on the right.');
  assert.equal(ended(upright, {}, 'timed out').reason, 'You did not land within 20 s.');
  assert.equal(ended(upright, { tilt: -25 }).reason, 'You were tilted by 25°: too much.');
  assert.equal(ended(upright, { sideways: -2.3 }).reason, 'You slid sideways at 2.3 m/s: too fast.');
  assert.equal(ended([0.5, 0, 0, 0, 0, 0, 0, 0], {}).reason, 'You touched down beside the pad, where the ground is not level.');
  assert.equal(ended([0, 0, 0, 0, 1.2, 0, 0, 0], {}).reason, 'You tipped over.');
});

test('numbers say their side instead of a sign, and none where they are zero', () => {
  assert.equal(sided(-4.57, 1, ' m/s', 'down', 'up'), '4.6 m/s up');
  assert.equal(sided(0.02, 1, ' m'), '0.0 m');
  const motion = motionOf([-0.073, 0.3, 0, -0.61, -Math.PI / 180, 0.4, 0, 0]);
  assert.equal(sided(motion.x, 1, ' m'), '0.7 m left');
  assert.equal(sided(motion.tilt, 0, '°', 'left', 'right'), '1° right');
  assert.equal(motion.falling.toFixed(1), '4.6');
  assert.equal(motion.height.toFixed(1), '2.0');
});

test('what is safe, and when to brake', () => {
  assert.deepEqual(safety({ falling: SAFE.falling, sideways: -SAFE.sideways, tilt: SAFE.tilt }), { falling: true, sideways: true, tilt: true });
  assert.deepEqual(safety({ falling: 2, sideways: 2, tilt: -20 }), { falling: false, sideways: false, tilt: false });
  assert.equal(mustBrake({ height: 2, falling: 5 }), true);
  assert.equal(mustBrake({ height: 8, falling: 5 }), false);
  assert.equal(mustBrake({ height: 0.1, falling: 1 }), false);
});

test('the wind that is drawn blows while the lander is in the air', () => {
  const environment = new LunarLander(physics, { enable_wind: true, wind_power: 12 });
  environment.reset(2);
  const winds = new Set();
  for (let i = 0; i < 50; i++) {
    environment.step(0);
    winds.add(environment.wind);
    assert.ok(Math.abs(environment.wind) <= 12);
  }
  assert.ok(winds.size > 40);
  environment.reset(2);
  assert.equal(new LunarLander(physics).wind, 0);
});

/** Somebody who brakes when it falls fast and leans against the drift, a quarter of a second late at quarter speed. */
function beginner(seed, hand) {
  const LATE = 3; // steps
  const environment = new LunarLander(physics);
  const seen = [environment.reset(seed)];
  for (;;) {
    const { height, falling, sideways, x, touching } = motionOf(seen[Math.max(0, seen.length - 1 - LATE)]);
    const drift = touching ? 0 : sideways + 0.4 * x;
    const wanted = falling > Math.min(3, 0.5 + 0.3 * height) ? [2] : [];
    if (Math.abs(drift) > 0.8) wanted.push(drift > 0 ? 1 : 3);
    const { observation, reward, terminated } = environment.step(hand(wanted, seen.at(-1), environment.steps));
    seen.push(observation);
    if (terminated || environment.steps === 1000) return terminated && reward > 50;
  }
}

test('with help a beginner lands', () => {
  const seeds = Array.from({ length: 20 }, (_, i) => 1_000_000 + i);
  const landed = (hand) => seeds.filter((seed) => beginner(seed, hand)).length;
  assert.ok(landed(steadied) >= 18, `${landed(steadied)} with help`);
  const alone = landed((wanted) => wanted.at(-1) ?? 0);
  assert.ok(alone <= 5, `${alone} without`);
});
