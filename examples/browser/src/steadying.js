// Help for a person's hands: the keys ask for a lean, and the side engines see to it that the lander does not spin.

const LEFT = 1;
const MAIN = 2;
const RIGHT = 3;
const LEAN = 0.35; // radians, while a side key is held
const STEADY = 0.05; // as in the heuristic pilot of Gymnasium's LunarLander, whose rule for turning this is

/**
 * The engine that fires in one step.
 * @param {number[]} wanted engines whose keys are held
 * @param {ArrayLike<number>} observation
 * @param {number} steps so far
 */
export function steadied(wanted, observation, steps) {
  const [, , , , angle, turning, leftLeg, rightLeg] = observation;
  const lean = (wanted.includes(LEFT) ? LEAN : 0) - (wanted.includes(RIGHT) ? LEAN : 0);
  const turn = 0.5 * (lean - angle) - turning;
  const standing = leftLeg + rightLeg > 0;
  const side = standing || Math.abs(turn) <= STEADY ? 0 : turn > 0 ? LEFT : RIGHT;
  if (!wanted.includes(MAIN)) return side;
  // One engine a step: where two are needed they take turns.
  return side !== 0 && steps % 2 === 0 ? side : MAIN;
}
