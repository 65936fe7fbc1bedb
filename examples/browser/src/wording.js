// A flight in plain words: which way and how fast, what is safe to touch down with, and how it ended.

/**
 * What the legs bear: metres a second down and sideways, degrees of tilt. Of touchdowns within these, some nine of ten
 * stand; twice as fast down, nearly none does.
 */
export const SAFE = Object.freeze({ falling: 1.2, sideways: 1.5, tilt: 10 });

const BRAKING = 5; // metres a second squared: what remains of the main engine's 8 with late hands
export const PAD = 2; // metres from the middle to a flag

/** How fast time passes, in words. */
export const SPEEDS = { 0.1: 'a tenth of the speed', 0.25: 'quarter speed', 0.5: 'half speed', 1: 'normal speed', 3: '3 times the speed' };

const ENDED = { landed: 'landed', crashed: 'crashed', 'flew off': 'left the picture', 'timed out': 'time ran out' };

/** An observation in metres, seconds and degrees. Positive is right, up, falling, to the left. Factors: docs/score.md. */
export function motionOf([x, y, vx, vy, angle, spin, left, right]) {
  const degrees = 180 / Math.PI;
  return {
    x: x * 10, height: (y * 20) / 3, sideways: vx * 5, falling: -vy * 7.5, tilt: angle * degrees, turning: spin * 2.5 * degrees,
    touching: left + right > 0, standing: left > 0 && right > 0,
  };
}

/** Such as `1.2 m/s left`; no side where the number shown is zero. */
export function sided(value, decimals, unit, positive = 'right', negative = 'left') {
  const size = Math.abs(value).toFixed(decimals);
  return Number(size) === 0 ? `${size}${unit}` : `${size}${unit} ${value > 0 ? positive : negative}`;
}

/** With a true minus sign, and never minus nothing. */
export function signed(value, decimals) {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−');
}

/** Which of the three a touchdown would bear now. */
export function safety({ falling, sideways, tilt }) {
  return {
    falling: falling <= SAFE.falling, sideways: Math.abs(sideways) <= SAFE.sideways, tilt: Math.abs(tilt) <= SAFE.tilt,
  };
}

/** Whether the main engine has to burn from now on. */
export function mustBrake({ height, falling }) {
  return falling > SAFE.falling && height < 0.5 + falling ** 2 / (2 * BRAKING);
}

/** Such as `crashed after 2.7 s`. */
export function statusOf({ steps, outcome }) {
  const seconds = `${(steps / 50).toFixed(1)}\u00a0s`;
  return outcome === null ? seconds : `${ENDED[outcome]} after ${seconds}`;
}

/** The end of a person's flight: a word, and the reason. */
export function endOf(flight) {
  const { x, tilt } = motionOf(flight.observation);
  if (flight.outcome === 'landed') {
    const place = Math.abs(x) <= PAD ? `${Math.abs(x).toFixed(1)} m from the middle of the pad` : 'beside the pad';
    return { title: 'Landed!', reason: `You stand ${place}: ${signed(flight.total, 0)} points.` };
  }
  if (flight.outcome === 'flew off') return { title: 'Gone', reason: `You left the picture on the ${x > 0 ? 'right' : 'left'}.` };
  if (flight.outcome === 'timed out') return { title: 'Time ran out', reason: `You did not land within ${flight.mostSteps / 50} s.` };
  return { title: 'Crashed', reason: reasonOf(flight.impact, x, tilt) };
}

function reasonOf({ falling, sideways, tilt }, x, tiltAtEnd) {
  const safe = safety({ falling, sideways, tilt });
  if (!safe.falling) return `You came down at ${falling.toFixed(1)} m/s: too fast.`;
  if (!safe.tilt) return `You were tilted by ${Math.abs(tilt).toFixed(0)}°: too much.`;
  if (!safe.sideways) return `You slid sideways at ${Math.abs(sideways).toFixed(1)} m/s: too fast.`;
  if (Math.abs(x) > PAD) return 'You touched down beside the pad, where the ground is not level.';
  return Math.abs(tiltAtEnd) > 30 ? 'You tipped over.' : 'The body hit the ground.';
}
