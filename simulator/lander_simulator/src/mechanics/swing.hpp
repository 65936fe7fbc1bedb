// One step of flying lanes whose legs both swing free between their limits: the first half second of every episode.
//
// The motor turns a leg about its centre of mass, the pin allows a turn about the hull's origin only, and about that
// the leg's inertia is thirty times as large: in turn the two converge slowly, and the 180th sweep is not the end of
// it. But as long as no motor gives all it can, a sweep is linear, so 180 of them are a sum of powers of a 4 x 4
// matrix.
//
// With the violations of the constraints
//
//   r = (s_1, p_1, s_0)   s = w_leg - w_hull - motor speed,  p = the anchors' relative velocity (two components)
//
// (p_0 is 0, for leg 0's pin is what a sweep solves last) a sweep gives r' = T r and the impulses A r, so n sweeps give
// the impulses A (1 + T + ... + T^(n-1)) r, from which the velocities follow.
#pragma once

#include "mechanics/flight.hpp"

namespace lander {

struct Violation {
  Floats right_spin;       // s_1
  Vec2<Floats> right_pin;  // p_1
  Floats left_spin;        // s_0
};
LANDER_INLINE Violation operator+(const Violation& a, const Violation& b) {
  return {a.right_spin + b.right_spin, a.right_pin + b.right_pin, a.left_spin + b.left_spin};
}

struct SwingImpulses {
  Floats right_motor;
  Vec2<Floats> right_pin;
  Floats left_motor;
  Vec2<Floats> left_pin;
};

// How an impulse on one joint changes the other's violations, through the hull they share.
struct HullCoupling {
  Vec2<Floats> motor_pin;         // motor on pin and pin on motor
  Floats pin_xx, pin_xy, pin_yy;  // pin on pin
};
LANDER_INLINE HullCoupling coupling(Vec2<Floats> arm_hull) {
  constexpr float m = hull_inverse_mass, i = hull_inverse_inertia;
  return {{-(i * arm_hull.y), i * arm_hull.x},
          m + i * arm_hull.y * arm_hull.y,
          -(i * arm_hull.x * arm_hull.y),
          m + i * arm_hull.x * arm_hull.x};
}
LANDER_INLINE Vec2<Floats> pin_on_pin(const HullCoupling& c, Vec2<Floats> pin) {
  return {c.pin_xx * pin.x + c.pin_xy * pin.y, c.pin_xy * pin.x + c.pin_yy * pin.y};
}
LANDER_INLINE Vec2<Floats> solve_pin(const JointConstraint& joint, Vec2<Floats> violation) {
  return {-(joint.inverse2_xx * violation.x + joint.inverse2_xy * violation.y),
          -(joint.inverse2_xy * violation.x + joint.inverse2_yy * violation.y)};
}

// The impulses of one sweep for the violations r, and what of r it leaves.
LANDER_INLINE SwingImpulses sweep(const JointPair& joints, const HullCoupling& hull_c, const Violation& r,
                                  Violation& left_over) {
  const Vec2<Floats> right_k = joints.right.k_turn, left_k = joints.left.k_turn;
  SwingImpulses give;
  give.right_motor = -motor_mass * r.right_spin;
  give.right_pin =
      solve_pin(joints.right, r.right_pin + Vec2<Floats>{give.right_motor * right_k.x, give.right_motor * right_k.y});
  Floats right_spin = dot(right_k, give.right_pin);
  const Floats left_spin =
      r.left_spin + hull_inverse_inertia * give.right_motor + dot(hull_c.motor_pin, give.right_pin);
  const Vec2<Floats> through_hull = pin_on_pin(hull_c, give.right_pin);
  Vec2<Floats> left_pin = {give.right_motor * hull_c.motor_pin.x + through_hull.x,
                           give.right_motor * hull_c.motor_pin.y + through_hull.y};
  give.left_motor = -motor_mass * left_spin;
  left_pin = {left_pin.x + give.left_motor * left_k.x, left_pin.y + give.left_motor * left_k.y};
  give.left_pin = solve_pin(joints.left, left_pin);
  right_spin = right_spin + hull_inverse_inertia * give.left_motor + dot(hull_c.motor_pin, give.left_pin);
  const Vec2<Floats> back = pin_on_pin(hull_c, give.left_pin);
  left_over = {right_spin,
               {give.left_motor * hull_c.motor_pin.x + back.x, give.left_motor * hull_c.motor_pin.y + back.y},
               dot(left_k, give.left_pin)};
  return give;
}

// T, by columns.
struct SweepMatrix {
  Violation columns[4];
};
LANDER_INLINE Violation operator*(const SweepMatrix& t, const Violation& r) {
  const auto row = [&](auto entry) {
    return entry(t.columns[0]) * r.right_spin + entry(t.columns[1]) * r.right_pin.x +
           entry(t.columns[2]) * r.right_pin.y + entry(t.columns[3]) * r.left_spin;
  };
  return {
      row([](const Violation& c) { return c.right_spin; }),
      {row([](const Violation& c) { return c.right_pin.x; }), row([](const Violation& c) { return c.right_pin.y; })},
      row([](const Violation& c) { return c.left_spin; })};
}
LANDER_INLINE SweepMatrix operator*(const SweepMatrix& a, const SweepMatrix& b) {
  return {{a * b.columns[0], a * b.columns[1], a * b.columns[2], a * b.columns[3]}};
}

// (1 + T + ... + T^(count - 1)) r, by doubling: the bits of `count` say where one more term is due.
LANDER_INLINE Violation power_sum(const SweepMatrix& t, const Violation& r, int count) {
  int bit = 1;
  while (bit * 2 <= count) bit *= 2;
  Violation sum = r;
  SweepMatrix power = t;
  while (bit > 1) {
    bit /= 2;
    sum = sum + power * sum;
    if (bit > 1 || (count & bit) != 0) power = power * power;
    if ((count & bit) == 0) continue;
    sum = r + t * sum;
    if (bit > 1) power = power * t;
  }
  return sum;
}

// Moves lanes by one step; returns those for which this is not the way, because a motor comes near all it can give.
// They are left half done.
inline Mask solve_swing(Mechanics<Floats>& block) {
  Velocity v[bodies];
  for (int i = 0; i < bodies; ++i) v[i] = {block.bodies[i].velocity, block.bodies[i].spin};
  JointPair joints;
  prepare(joints, block, v);
  JointImpulses<Floats>&left = joints.left.impulses, &right = joints.right.impulses;
  const auto strained = [&] {
    const Floats most = floats(0.75f * largest_motor_impulse);
    return (absolute(left.motor) > most) | (absolute(right.motor) > most);
  };
  Mask unsuitable = strained();

  solve<1, false>(joints.right, v[hull], v[2]);
  solve<0, false>(joints.left, v[hull], v[1]);
  unsuitable = unsuitable | strained();
  const Violation r = {v[2].spin - v[hull].spin - motor_speed, pin_velocity(joints.right, v[hull], v[2]),
                       v[1].spin - v[hull].spin + motor_speed};
  const HullCoupling hull_c = coupling(joints.right.arm_hull);
  const Floats zero = floats(0.0f), one = floats(1.0f);
  SweepMatrix t;
  sweep(joints, hull_c, {one, {zero, zero}, zero}, t.columns[0]);
  sweep(joints, hull_c, {zero, {one, zero}, zero}, t.columns[1]);
  sweep(joints, hull_c, {zero, {zero, one}, zero}, t.columns[2]);
  sweep(joints, hull_c, {zero, {zero, zero}, one}, t.columns[3]);
  Violation unused;
  const SwingImpulses sum = sweep(joints, hull_c, power_sum(t, r, velocity_sweeps - 1), unused);

  right.motor += sum.right_motor;
  right.pin = right.pin + sum.right_pin;
  left.motor += sum.left_motor;
  left.pin = left.pin + sum.left_pin;
  unsuitable = unsuitable | strained();
  apply(v[hull], v[2], joints.right.arm_hull, joints.right.arm_leg, sum.right_pin, sum.right_motor);
  apply(v[hull], v[1], joints.left.arm_hull, joints.left.arm_leg, sum.left_pin, sum.left_motor);
  block.joints[0] = left;
  block.joints[1] = right;
  move(block, v, mask(true));
  return unsuitable;
}

}  // namespace lander
