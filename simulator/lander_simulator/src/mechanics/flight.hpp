// One step of landers that touch nothing: b2Island::Solve for three bodies and two joints.
#pragma once

#include "mechanics/joints.hpp"

namespace lander {

// Sweeps end where velocities change by less than this from one to the next, in m/s and (times 0.1 m) rad/s. Measured:
// a smaller value changes nothing that the comparison with Gymnasium could show.
inline constexpr float converged = 1e-5f;
inline constexpr int fewest_sweeps = 3;

LANDER_INLINE Floats difference(const Velocity& a, const Velocity& b) {
  return absolute(a.linear.x - b.linear.x) + absolute(a.linear.y - b.linear.y) + 0.1f * absolute(a.spin - b.spin);
}
LANDER_INLINE Velocity select(Mask where, const Velocity& yes, const Velocity& no) {
  return {select(where, yes.linear, no.linear), select(where, yes.spin, no.spin)};
}
LANDER_INLINE JointImpulses<Floats> select(Mask where, const JointImpulses<Floats>& yes,
                                           const JointImpulses<Floats>& no) {
  return {select(where, yes.pin, no.pin), select(where, yes.limit, no.limit), select(where, yes.motor, no.motor),
          yes.limit_side};
}

// Semi-implicit Euler: positions move by the new velocities, which are bounded first.
LANDER_INLINE void move(Body<Floats>& body, Velocity velocity) {
  const Vec2<Floats> translation = time_step * velocity.linear;
  const Floats square = dot(translation, translation);
  const Mask too_far = square > floats(largest_translation * largest_translation);
  if (any(too_far)) {
    const Floats scale = select(too_far, largest_translation / square_root(square), floats(1.0f));
    velocity.linear = scale * velocity.linear;
  }
  const Floats turn = time_step * velocity.spin;
  const Mask too_much = turn * turn > floats(largest_rotation * largest_rotation);
  if (any(too_much)) {
    velocity.spin = velocity.spin * select(too_much, largest_rotation / absolute(turn), floats(1.0f));
  }
  body.velocity = velocity.linear;
  body.spin = velocity.spin;
  body.position = body.position + time_step * velocity.linear;
  body.angle += time_step * velocity.spin;
}

// The joints of a block, ready for sweeps; velocities get the impulses of the last step.
struct JointPair {
  JointConstraint left, right;  // legs[0], side -1, and legs[1], side +1
};
LANDER_INLINE void prepare(JointPair& joints, const Mechanics<Floats>& block, Velocity v[bodies]) {
  const Body<Floats>* b = block.bodies;
  const Rotation<Floats> hull_turn = rotation(b[hull].angle);
  // Box2D's island takes the joint that was made last first.
  prepare<1>(joints.right, block.joints[1], block.warm_start, hull_turn, rotation(b[2].angle), b[hull].angle,
             b[2].angle, v[hull], v[2]);
  prepare<0>(joints.left, block.joints[0], block.warm_start, hull_turn, rotation(b[1].angle), b[hull].angle, b[1].angle,
             v[hull], v[1]);
}

// Which joints' limits hold, and with them how a flying lane is solved.
struct LimitSides {
  Floats left, right;
};
LANDER_INLINE LimitSides limit_sides(const Mechanics<Floats>& block) {
  const Body<Floats>* b = block.bodies;
  return {limit_side<0>(b[hull].angle, b[1].angle), limit_side<1>(b[hull].angle, b[2].angle)};
}

// Moves bodies by their new velocities, then brings joints together by up to 60 sweeps in the lanes of `active`.
LANDER_INLINE void move(Mechanics<Floats>& block, const Velocity v[bodies], Mask active) {
  Body<Floats>* b = block.bodies;
  for (int i = 0; i < bodies; ++i) move(b[i], v[i]);
  Mask unmet = active;
  for (int sweep = 0; sweep < position_sweeps && any(unmet); ++sweep) {
    const Mask right_met = solve_position<1>(block.joints[1].limit_side, unmet, b[hull], b[2]);
    const Mask left_met = solve_position<0>(block.joints[0].limit_side, unmet, b[hull], b[1]);
    unmet = unmet & ~(right_met & left_met);
  }
  block.positions_solved = select(unmet, floats(0.0f), floats(1.0f));
}

// Moves a block of flying lanes by one step; gravity and engines have changed velocities already. Lanes of `skip` stay.
//
// For lanes with both legs at a limit: each joint then fixes its leg entirely, the legs know of each other only through
// the hull, 68 times as heavy, and three sweeps are as good as 180, but for the drift of motor against limit.
inline void solve_flight(Mechanics<Floats>& block, Mask skip) {
  Mechanics<Floats> next = block;
  Velocity v[bodies];
  for (int i = 0; i < bodies; ++i) v[i] = {next.bodies[i].velocity, next.bodies[i].spin};
  JointPair joints;
  prepare(joints, next, v);

  // A lane stops at its own sweep, so that its bits do not depend on the lanes beside it.
  Mask done = skip;
  Velocity result[bodies] = {v[0], v[1], v[2]};
  JointImpulses<Floats> left = joints.left.impulses, right = joints.right.impulses;
  for (int sweep = 1; sweep <= velocity_sweeps; ++sweep) {
    const Velocity before[bodies] = {v[0], v[1], v[2]};
    const JointImpulses<Floats> left_before = joints.left.impulses, right_before = joints.right.impulses;
    solve<1, true>(joints.right, v[hull], v[2]);
    solve<0, true>(joints.left, v[hull], v[1]);
    if (sweep < fewest_sweeps) continue;
    const Floats change = difference(v[0], before[0]) + difference(v[1], before[1]) + difference(v[2], before[2]);
    const Mask still = sweep == velocity_sweeps ? ~done : (change <= floats(converged)) & ~done;
    if (!any(still)) continue;
    JointImpulses<Floats> left_now = joints.left.impulses, right_now = joints.right.impulses;
    const Floats sweeps_left = floats(static_cast<float>(velocity_sweeps - sweep));
    drift(left_now, left_before, sweeps_left);
    drift(right_now, right_before, sweeps_left);
    left = select(still, left_now, left);
    right = select(still, right_now, right);
    for (int i = 0; i < bodies; ++i) result[i] = select(still, v[i], result[i]);
    done = done | still;
    if (!any(~done)) break;
  }
  next.joints[0] = left;
  next.joints[1] = right;
  move(next, result, ~skip);

  if (!any(skip)) {
    block = next;
    return;
  }
  Floats* to = reinterpret_cast<Floats*>(&block);
  const Floats* from = reinterpret_cast<const Floats*>(&next);
  for (int field = 0; field < mechanics_fields; ++field) to[field] = select(skip, to[field], from[field]);
}

}  // namespace lander
