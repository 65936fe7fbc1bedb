// The revolute joint between hull (A) and leg (B), with motor and limit: b2RevoluteJoint.cpp.
//
//   pin    C  = x_B + r_B - x_A - r_A = 0        the leg's anchor stays at the hull's origin
//   limit  lower <= angle_B - angle_A - reference <= upper
//   motor  w_B - w_A = speed, with at most 40 N m
//
// K = J M^-1 J^T of pin and angle together is symmetric,
//
//   [ mA + mB + rAy^2 iA + rBy^2 iB    .                               .       ]
//   [ -rAx rAy iA - rBx rBy iB         mA + mB + rAx^2 iA + rBx^2 iB   .       ]
//   [ -rAy iA - rBy iB                 rAx iA + rBx iB                 iA + iB ]
//
// with the inverse masses mA, mB and the inverse moments of inertia iA, iB.
#pragma once

#include "mechanics/state.hpp"

namespace lander {

struct Velocity {
  Vec2<Floats> linear;
  Floats spin;
};

// What does not change with a leg's side: legs[0] has side -1, legs[1] side +1.
struct JointGeometry {
  float side;
  float reference_angle;  // pybox2d takes it from the angles at which the bodies are made
  float lower, upper;
  Vec2<float> leg_anchor;  // in the leg's frame
};
inline constexpr JointGeometry joint_geometry[legs] = {
    {-1.0f, -leg_first_angle, 0.9f - 0.5f, 0.9f, {-leg_away, leg_down}},
    {+1.0f, +leg_first_angle, -0.9f, -0.9f + 0.5f, {leg_away, leg_down}},
};

// K of the pin alone.
struct PinMass {
  Floats xx, xy, yy;
};
LANDER_INLINE PinMass pin_mass(Vec2<Floats> arm_hull, Vec2<Floats> arm_leg) {
  constexpr float masses = hull_inverse_mass + leg_inverse_mass;
  return {masses + arm_hull.y * arm_hull.y * hull_inverse_inertia + arm_leg.y * arm_leg.y * leg_inverse_inertia,
          -(arm_hull.y * arm_hull.x * hull_inverse_inertia) - arm_leg.y * arm_leg.x * leg_inverse_inertia,
          masses + arm_hull.x * arm_hull.x * hull_inverse_inertia + arm_leg.x * arm_leg.x * leg_inverse_inertia};
}
LANDER_INLINE Vec2<Floats> hull_arm(Rotation<Floats> hull_turn) {
  return {hull_turn.sine * hull_centre_y, -(hull_turn.cosine * hull_centre_y)};
}
LANDER_INLINE Vec2<Floats> leg_arm(const JointGeometry& geometry, Rotation<Floats> leg_turn) {
  return {leg_turn.cosine * geometry.leg_anchor.x - leg_turn.sine * geometry.leg_anchor.y,
          leg_turn.sine * geometry.leg_anchor.x + leg_turn.cosine * geometry.leg_anchor.y};
}
LANDER_INLINE void apply(Velocity& hull_v, Velocity& leg_v, Vec2<Floats> arm_hull, Vec2<Floats> arm_leg,
                         Vec2<Floats> pin, Floats turn) {
  hull_v.linear.x -= hull_inverse_mass * pin.x;
  hull_v.linear.y -= hull_inverse_mass * pin.y;
  hull_v.spin -= hull_inverse_inertia * (cross(arm_hull, pin) + turn);
  leg_v.linear.x += leg_inverse_mass * pin.x;
  leg_v.linear.y += leg_inverse_mass * pin.y;
  leg_v.spin += leg_inverse_inertia * (cross(arm_leg, pin) + turn);
}

// The joint's constraint on velocities during one step.
struct JointConstraint {
  Vec2<Floats> arm_hull, arm_leg;        // from each centre of mass to the pin, m
  Floats inverse2_xx, inverse2_xy, inverse2_yy;  // of K's pin part
  Floats inverse3_xx, inverse3_xy, inverse3_xz, inverse3_yy, inverse3_yz, inverse3_zz;  // of K
  Floats k_xz, k_yz;
  JointImpulses<Floats> impulses;
};

inline constexpr float motor_mass = 1.0f / (hull_inverse_inertia + leg_inverse_inertia);

// +1 at the lower limit, -1 at the upper, 0 between them.
template <int Leg>
LANDER_INLINE Floats limit_side(Floats hull_angle, Floats leg_angle) {
  constexpr JointGeometry geometry = joint_geometry[Leg];
  const Floats angle = leg_angle - hull_angle - geometry.reference_angle;
  return select(angle <= floats(geometry.lower), floats(1.0f),
                select(angle >= floats(geometry.upper), floats(-1.0f), floats(0.0f)));
}

// b2RevoluteJoint::InitVelocityConstraints: arms, K and its inverses, the limit's state, the impulses of the last step.
template <int Leg>
LANDER_INLINE void prepare(JointConstraint& joint, const JointImpulses<Floats>& before, Floats warm_start,
                           Rotation<Floats> hull_turn, Rotation<Floats> leg_turn, Floats hull_angle, Floats leg_angle,
                           Velocity& hull_v, Velocity& leg_v) {
  constexpr JointGeometry geometry = joint_geometry[Leg];
  joint.arm_hull = hull_arm(hull_turn);
  joint.arm_leg = leg_arm(geometry, leg_turn);
  const PinMass k = pin_mass(joint.arm_hull, joint.arm_leg);
  const Floats k_xz = -(joint.arm_hull.y * hull_inverse_inertia) - joint.arm_leg.y * leg_inverse_inertia;
  const Floats k_yz = joint.arm_hull.x * hull_inverse_inertia + joint.arm_leg.x * leg_inverse_inertia;
  constexpr float k_zz = hull_inverse_inertia + leg_inverse_inertia;
  joint.k_xz = k_xz;
  joint.k_yz = k_yz;

  const Floats inverse_determinant2 = 1.0f / (k.xx * k.yy - k.xy * k.xy);
  joint.inverse2_xx = inverse_determinant2 * k.yy;
  joint.inverse2_xy = -inverse_determinant2 * k.xy;
  joint.inverse2_yy = inverse_determinant2 * k.xx;

  const Floats cofactor_xx = k.yy * k_zz - k_yz * k_yz;
  const Floats cofactor_xy = k_xz * k_yz - k.xy * k_zz;
  const Floats cofactor_xz = k.xy * k_yz - k_xz * k.yy;
  const Floats inverse_determinant3 = 1.0f / (k.xx * cofactor_xx + k.xy * cofactor_xy + k_xz * cofactor_xz);
  joint.inverse3_xx = inverse_determinant3 * cofactor_xx;
  joint.inverse3_xy = inverse_determinant3 * cofactor_xy;
  joint.inverse3_xz = inverse_determinant3 * cofactor_xz;
  joint.inverse3_yy = inverse_determinant3 * (k.xx * k_zz - k_xz * k_xz);
  joint.inverse3_yz = inverse_determinant3 * (k.xy * k_xz - k.xx * k_yz);
  joint.inverse3_zz = inverse_determinant3 * (k.xx * k.yy - k.xy * k.xy);

  const Floats zero = floats(0.0f);
  const Floats side = limit_side<Leg>(hull_angle, leg_angle);
  JointImpulses<Floats>& now = joint.impulses;
  now.limit_side = side;
  now.limit = select((side == before.limit_side) & (side != zero), before.limit, zero) * warm_start;
  now.pin = warm_start * before.pin;
  now.motor = before.motor * warm_start;
  apply(hull_v, leg_v, joint.arm_hull, joint.arm_leg, now.pin, now.motor + now.limit);
}

// The velocity of the leg's anchor relative to the hull's.
LANDER_INLINE Vec2<Floats> pin_velocity(const JointConstraint& joint, const Velocity& hull_v, const Velocity& leg_v) {
  return {(leg_v.linear.x - hull_v.linear.x) - leg_v.spin * joint.arm_leg.y + hull_v.spin * joint.arm_hull.y,
          (leg_v.linear.y - hull_v.linear.y) + leg_v.spin * joint.arm_leg.x - hull_v.spin * joint.arm_hull.x};
}

// One sweep of one joint: first the motor, then pin and limit together, or the pin alone where no limit holds
// (b2RevoluteJoint::SolveVelocityConstraints). `Limited`: whether a limit holds in any lane; where none does, the pin is
// all there is to solve, to the same bits.
template <int Leg, bool Limited>
LANDER_INLINE void solve(JointConstraint& joint, Velocity& hull_v, Velocity& leg_v) {
  constexpr float speed = motor_speed * joint_geometry[Leg].side;
  JointImpulses<Floats>& sum = joint.impulses;
  const Floats motor = clamp(sum.motor - motor_mass * (leg_v.spin - hull_v.spin - speed),
                             floats(-largest_motor_impulse), floats(largest_motor_impulse));
  const Floats turn = motor - sum.motor;
  sum.motor = motor;
  hull_v.spin -= hull_inverse_inertia * turn;
  leg_v.spin += leg_inverse_inertia * turn;

  const Vec2<Floats> v = pin_velocity(joint, hull_v, leg_v);
  if constexpr (!Limited) {
    const Vec2<Floats> pin = {-(joint.inverse2_xx * v.x + joint.inverse2_xy * v.y),
                              -(joint.inverse2_xy * v.x + joint.inverse2_yy * v.y)};
    sum.pin = sum.pin + pin;
    hull_v.linear = hull_v.linear - hull_inverse_mass * pin;
    hull_v.spin -= hull_inverse_inertia * cross(joint.arm_hull, pin);
    leg_v.linear = leg_v.linear + leg_inverse_mass * pin;
    leg_v.spin += leg_inverse_inertia * cross(joint.arm_leg, pin);
    return;
  }
  const Floats w = leg_v.spin - hull_v.spin;
  Vec2<Floats> pin = {-(joint.inverse3_xx * v.x + joint.inverse3_xy * v.y + joint.inverse3_xz * w),
                      -(joint.inverse3_xy * v.x + joint.inverse3_yy * v.y + joint.inverse3_yz * w)};
  Floats limit = -(joint.inverse3_xz * v.x + joint.inverse3_yz * v.y + joint.inverse3_zz * w);
  // A limit pushes to its own side only. Where it would pull, and where there is none, its impulse becomes 0 and the
  // pin is solved alone.
  const Vec2<Floats> alone_v = {sum.limit * joint.k_xz - v.x, sum.limit * joint.k_yz - v.y};
  const Vec2<Floats> alone = {joint.inverse2_xx * alone_v.x + joint.inverse2_xy * alone_v.y,
                              joint.inverse2_xy * alone_v.x + joint.inverse2_yy * alone_v.y};
  const Mask released = (sum.limit + limit) * sum.limit_side <= floats(0.0f);
  pin = select(released, alone, pin);
  limit = select(released, -sum.limit, limit);
  sum.pin.x += pin.x;
  sum.pin.y += pin.y;
  sum.limit += limit;
  apply(hull_v, leg_v, joint.arm_hull, joint.arm_leg, pin, limit);
}

// What the sweeps that are left would still do once velocities stand still: motor and limit go on pushing against each
// other by the same amount every sweep, until the motor gives all it can.
LANDER_INLINE void drift(JointImpulses<Floats>& now, const JointImpulses<Floats>& one_sweep_ago, Floats sweeps_left) {
  const Floats zero = floats(0.0f);
  const Floats motor_change = now.motor - one_sweep_ago.motor;
  const Floats limit_change = now.limit - one_sweep_ago.limit;
  const Floats motor = clamp(now.motor + sweeps_left * motor_change, floats(-largest_motor_impulse),
                             floats(largest_motor_impulse));
  const Floats added = motor - now.motor;
  now.motor = motor;
  const Mask opposed = (limit_change * motor_change < zero) & (now.limit_side != zero);
  now.limit = select(opposed, now.limit - added, now.limit);
}

// The joint's constraint on positions, corrected in the lanes of `active`; returns where it was met before
// (b2RevoluteJoint::SolvePositionConstraints). An impulse here is one that moves positions, in kg m.
template <int Leg>
LANDER_INLINE Mask solve_position(Floats limit_side, Mask active, Body<Floats>& hull_b, Body<Floats>& leg_b) {
  constexpr JointGeometry geometry = joint_geometry[Leg];
  const Floats zero = floats(0.0f);
  const Mask at_lower = limit_side > zero, at_upper = limit_side < zero;
  const Floats angle = leg_b.angle - hull_b.angle - geometry.reference_angle;
  const Floats over_lower = angle - geometry.lower, over_upper = angle - geometry.upper;
  const Floats error = select(at_lower, -over_lower, select(at_upper, over_upper, zero));
  const Floats correction =
      select(at_lower, clamp(over_lower + angular_slop, floats(-largest_angular_correction), zero),
             select(at_upper, clamp(over_upper - angular_slop, zero, floats(largest_angular_correction)), zero));
  const Floats turn = select(active, -motor_mass * correction, zero);
  hull_b.angle -= hull_inverse_inertia * turn;
  leg_b.angle += leg_inverse_inertia * turn;

  const Vec2<Floats> arm_hull = hull_arm(rotation(hull_b.angle)), arm_leg = leg_arm(geometry, rotation(leg_b.angle));
  const Vec2<Floats> gap = leg_b.position + arm_leg - hull_b.position - arm_hull;
  const Mask met = (dot(gap, gap) <= floats(linear_slop * linear_slop)) & (error <= floats(angular_slop));
  const PinMass k = pin_mass(arm_hull, arm_leg);
  const Floats scale = select(active, -1.0f / (k.xx * k.yy - k.xy * k.xy), zero);
  const Vec2<Floats> pin = {scale * (k.yy * gap.x - k.xy * gap.y), scale * (k.xx * gap.y - k.xy * gap.x)};
  hull_b.position.x -= hull_inverse_mass * pin.x;
  hull_b.position.y -= hull_inverse_mass * pin.y;
  hull_b.angle -= hull_inverse_inertia * cross(arm_hull, pin);
  leg_b.position.x += leg_inverse_mass * pin.x;
  leg_b.position.y += leg_inverse_mass * pin.y;
  leg_b.angle += leg_inverse_inertia * cross(arm_leg, pin);
  return met;
}

}  // namespace lander
