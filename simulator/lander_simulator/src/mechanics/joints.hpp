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
//
// What a sweep of one joint does is linear in what it finds, u = (v, w): the anchors' relative velocity and the legs'
// relative spin. So the change of either spin is a row of numbers times u, and these rows are worked out once a step.
// Box2D goes from impulse to impulse instead, motor first; the sums are the same, but each waits for the one before.
struct JointConstraint {
  Vec2<Floats> arm_hull, arm_leg;  // from each centre of mass to the pin, m
  Vec2<Floats> k_turn;             // K's third column: what a turning impulse does to v
  // The pin alone: impulse -K2^-1 v
  Floats inverse2_xx, inverse2_xy, inverse2_yy;
  Vec2<Floats> pin_per_turn;             // K2^-1 k_turn
  Vec2<Floats> hull_spin_2, leg_spin_2;  // change of spin for v
  Floats hull_spin_turn, leg_spin_turn;  // change of spin for a turning impulse, the pin's answer included
  // Pin and limit together: impulse -K^-1 u
  Floats inverse3_xx, inverse3_xy, inverse3_xz, inverse3_yy, inverse3_yz, inverse3_zz;
  Floats hull_spin_3[3], leg_spin_3[3];  // change of spin for u
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
  joint.k_turn = {k_xz, k_yz};

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

  const auto turn_of_pin = [](Vec2<Floats> arm, Floats column_x, Floats column_y) {
    return arm.x * column_y - arm.y * column_x;
  };
  joint.pin_per_turn = {joint.inverse2_xx * k_xz + joint.inverse2_xy * k_yz,
                        joint.inverse2_xy * k_xz + joint.inverse2_yy * k_yz};
  const Vec2<Floats> hull_2 = {turn_of_pin(joint.arm_hull, joint.inverse2_xx, joint.inverse2_xy),
                               turn_of_pin(joint.arm_hull, joint.inverse2_xy, joint.inverse2_yy)};
  const Vec2<Floats> leg_2 = {turn_of_pin(joint.arm_leg, joint.inverse2_xx, joint.inverse2_xy),
                              turn_of_pin(joint.arm_leg, joint.inverse2_xy, joint.inverse2_yy)};
  joint.hull_spin_2 = hull_inverse_inertia * hull_2;
  joint.leg_spin_2 = -leg_inverse_inertia * leg_2;
  joint.hull_spin_turn = hull_inverse_inertia * (dot(hull_2, joint.k_turn) - 1.0f);
  joint.leg_spin_turn = leg_inverse_inertia * (1.0f - dot(leg_2, joint.k_turn));
  const Floats columns[3][3] = {{joint.inverse3_xx, joint.inverse3_xy, joint.inverse3_xz},
                                {joint.inverse3_xy, joint.inverse3_yy, joint.inverse3_yz},
                                {joint.inverse3_xz, joint.inverse3_yz, joint.inverse3_zz}};
  for (int i = 0; i < 3; ++i) {
    const Floats* column = columns[i];
    joint.hull_spin_3[i] = hull_inverse_inertia * (turn_of_pin(joint.arm_hull, column[0], column[1]) + column[2]);
    joint.leg_spin_3[i] = -leg_inverse_inertia * (turn_of_pin(joint.arm_leg, column[0], column[1]) + column[2]);
  }

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
// (b2RevoluteJoint::SolveVelocityConstraints). `Limited`: whether a limit holds in any lane; where none does, the
// shorter way gives the same bits.
template <int Leg, bool Limited>
LANDER_INLINE void solve(JointConstraint& joint, Velocity& hull_v, Velocity& leg_v) {
  constexpr float speed = motor_speed * joint_geometry[Leg].side;
  JointImpulses<Floats>& sum = joint.impulses;
  const Floats w = leg_v.spin - hull_v.spin;
  const Floats motor =
      clamp(sum.motor - motor_mass * (w - speed), floats(-largest_motor_impulse), floats(largest_motor_impulse));
  const Floats motor_turn = motor - sum.motor;
  sum.motor = motor;

  // Without a limit, or where it would have to pull, its impulse so far is taken back and the pin is solved alone.
  const Vec2<Floats> v = pin_velocity(joint, hull_v, leg_v);
  const Floats turn = Limited ? motor_turn - sum.limit : motor_turn;
  Vec2<Floats> pin = {-(joint.inverse2_xx * v.x + joint.inverse2_xy * v.y) - joint.pin_per_turn.x * turn,
                      -(joint.inverse2_xy * v.x + joint.inverse2_yy * v.y) - joint.pin_per_turn.y * turn};
  Floats hull_change = joint.hull_spin_2.x * v.x + joint.hull_spin_2.y * v.y + joint.hull_spin_turn * turn;
  Floats leg_change = joint.leg_spin_2.x * v.x + joint.leg_spin_2.y * v.y + joint.leg_spin_turn * turn;

  if constexpr (Limited) {
    // Pin and limit answer the motor's turn with its reverse, for it is along K's third column: only -K^-1 u is left.
    const Floats third = -(joint.inverse3_xz * v.x + joint.inverse3_yz * v.y + joint.inverse3_zz * w);
    const Floats limit = sum.limit + (third - motor_turn);
    const Mask holds = limit * sum.limit_side > floats(0.0f);  // a limit pushes to its own side only
    pin.x = select(holds, -(joint.inverse3_xx * v.x + joint.inverse3_xy * v.y + joint.inverse3_xz * w), pin.x);
    pin.y = select(holds, -(joint.inverse3_xy * v.x + joint.inverse3_yy * v.y + joint.inverse3_yz * w), pin.y);
    hull_change =
        select(holds, joint.hull_spin_3[0] * v.x + joint.hull_spin_3[1] * v.y + joint.hull_spin_3[2] * w, hull_change);
    leg_change =
        select(holds, joint.leg_spin_3[0] * v.x + joint.leg_spin_3[1] * v.y + joint.leg_spin_3[2] * w, leg_change);
    sum.limit = select(holds, limit, floats(0.0f));
  }
  sum.pin = sum.pin + pin;
  hull_v.linear = hull_v.linear - hull_inverse_mass * pin;
  hull_v.spin += hull_change;
  leg_v.linear = leg_v.linear + leg_inverse_mass * pin;
  leg_v.spin += leg_change;
}

// What the sweeps that are left would still do once velocities stand still: motor and limit go on pushing against each
// other by the same amount every sweep, until the motor gives all it can.
LANDER_INLINE void drift(JointImpulses<Floats>& now, const JointImpulses<Floats>& one_sweep_ago, Floats sweeps_left) {
  const Floats zero = floats(0.0f);
  const Floats motor_change = now.motor - one_sweep_ago.motor;
  const Floats limit_change = now.limit - one_sweep_ago.limit;
  const Floats motor =
      clamp(now.motor + sweeps_left * motor_change, floats(-largest_motor_impulse), floats(largest_motor_impulse));
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
