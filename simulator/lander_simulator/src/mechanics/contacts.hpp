// The constraint of a leg that touches an edge of the moon, which does not move: b2ContactSolver.cpp.
//
//   normal   v . n >= 0 at each of one or two points, impulse >= 0
//   friction |tangent impulse| <= mu x normal impulse, tangent t = (n_y, -n_x)
//
// The lever of a point about the leg's centre is r x n for the normal and r x t for the tangent.
#pragma once

#include "mechanics/joints.hpp"

namespace lander {

// One contact of each lane's leg. Where a lane has none, or one point, the missing points carry no impulse.
struct ContactConstraint {
  Vec2<Floats> normal;
  Floats friction;
  Floats normal_lever[2], tangent_lever[2];
  Floats normal_mass[2], tangent_mass[2];  // the inverse of m + i lever^2
  Floats k_11, k_12, k_22;                 // K of both normals
  Floats inverse_11, inverse_12, inverse_22;
  Floats k_normal_friction;          // how an impulse along the tangent changes the first point's normal velocity
  Vec2<Floats> linear_step;          // change of velocity for an impulse along the normal
  Floats normal_turn, tangent_turn;  // change of spin for an impulse at the first point
  Mask second;                       // where the second point is solved too
  Floats normal_impulse[2], tangent_impulse[2];
  // For the positions, which come after
  Mask polygon_reference;
  Vec2<Floats> face_normal, face_point, local_points[2];
  Mask has_point[2];
};

// Beyond this condition number two points are solved as one.
inline constexpr float largest_condition = 1000.0f;

// Levers, masses and the impulses of the last step (b2ContactSolver::InitializeVelocityConstraints and WarmStart).
// `arms` lead from the leg's centre to the points; the impulses must already be multiplied by warm_start.
LANDER_INLINE void prepare(ContactConstraint& contact, const Vec2<Floats> arms[2], Velocity& leg_v) {
  const Floats zero = floats(0.0f), one = floats(1.0f);
  const Vec2<Floats> tangent = {contact.normal.y, -contact.normal.x};
  constexpr float m = leg_inverse_mass, i = leg_inverse_inertia;
  Floats n1 = cross(arms[0], contact.normal), n2 = cross(arms[1], contact.normal);
  Floats t1 = cross(arms[0], tangent), t2 = cross(arms[1], tangent);
  Floats k_11 = m + i * n1 * n1, k_22 = m + i * n2 * n2, k_12 = m + i * n1 * n2;
  const Mask first = contact.has_point[0];
  const Mask second = contact.has_point[1] & (k_11 * k_11 < largest_condition * (k_11 * k_22 - k_12 * k_12));
  contact.second = second;
  contact.tangent_mass[0] = select(first, 1.0f / (m + i * t1 * t1), zero);
  contact.tangent_mass[1] = select(second, 1.0f / (m + i * t2 * t2), zero);
  k_11 = select(first, k_11, one);
  k_22 = select(second, k_22, one);
  k_12 = select(second, k_12, zero);
  const Floats inverse_determinant = 1.0f / (k_11 * k_22 - k_12 * k_12);
  contact.inverse_11 = inverse_determinant * k_22;
  contact.inverse_12 = -inverse_determinant * k_12;
  contact.inverse_22 = inverse_determinant * k_11;
  contact.normal_mass[0] = 1.0f / k_11;
  contact.normal_mass[1] = 1.0f / k_22;
  contact.k_11 = k_11;
  contact.k_12 = k_12;
  contact.k_22 = k_22;
  contact.normal_lever[0] = n1 = select(first, n1, zero);
  contact.normal_lever[1] = n2 = select(second, n2, zero);
  contact.tangent_lever[0] = t1 = select(first, t1, zero);
  contact.tangent_lever[1] = t2 = select(second, t2, zero);
  contact.k_normal_friction = i * n1 * t1;
  contact.linear_step = m * contact.normal;
  contact.normal_turn = i * n1;
  contact.tangent_turn = i * t1;
  for (int point = 0; point < 2; ++point) {
    const Mask there = point == 0 ? first : second;
    contact.normal_impulse[point] = select(there, contact.normal_impulse[point], zero);
    contact.tangent_impulse[point] = select(there, contact.tangent_impulse[point], zero);
  }
  const Floats along_normal = contact.normal_impulse[0] + contact.normal_impulse[1];
  const Floats along_tangent = contact.tangent_impulse[0] + contact.tangent_impulse[1];
  leg_v.linear.x += m * (along_normal * contact.normal.x + along_tangent * tangent.x);
  leg_v.linear.y += m * (along_normal * contact.normal.y + along_tangent * tangent.y);
  leg_v.spin += i * (n1 * contact.normal_impulse[0] + n2 * contact.normal_impulse[1] + t1 * contact.tangent_impulse[0] +
                     t2 * contact.tangent_impulse[1]);
}

// One sweep at a single point, which is how a leg stands on its corner: friction, then the normal
// (b2ContactSolver::SolveVelocityConstraints). Both velocities are taken beforehand; friction's effect on the second is
// a number.
LANDER_INLINE void solve_one_point(ContactConstraint& contact, Velocity& leg_v) {
  const Vec2<Floats> n = contact.normal;
  const Floats slip = leg_v.linear.x * n.y - leg_v.linear.y * n.x + leg_v.spin * contact.tangent_lever[0];
  const Floats approach = leg_v.linear.x * n.x + leg_v.linear.y * n.y + leg_v.spin * contact.normal_lever[0];

  const Floats most = contact.friction * contact.normal_impulse[0];
  const Floats friction = clamp(contact.tangent_impulse[0] - contact.tangent_mass[0] * slip, -most, most);
  const Floats along_tangent = friction - contact.tangent_impulse[0];
  contact.tangent_impulse[0] = friction;

  const Floats normal_velocity = approach + contact.k_normal_friction * along_tangent;
  const Floats normal = maximum(contact.normal_impulse[0] - contact.normal_mass[0] * normal_velocity, floats(0.0f));
  const Floats along_normal = normal - contact.normal_impulse[0];
  contact.normal_impulse[0] = normal;

  const Vec2<Floats> step = contact.linear_step;
  leg_v.linear.x += step.y * along_tangent + step.x * along_normal;
  leg_v.linear.y += step.y * along_normal - step.x * along_tangent;
  leg_v.spin += contact.tangent_turn * along_tangent + contact.normal_turn * along_normal;
}

// One sweep at two points: friction at each, then both normals together. They are a linear complementarity problem,
// v_n = K x + b, v_n >= 0, x >= 0, v_n . x = 0, solved by trying its four cases in order; where none fits, the impulses
// stay.
LANDER_INLINE void solve_two_points(ContactConstraint& contact, Velocity& leg_v) {
  const Floats zero = floats(0.0f);
  constexpr float m = leg_inverse_mass, i = leg_inverse_inertia;
  const Vec2<Floats> n = contact.normal;
  for (int point = 0; point < 2; ++point) {
    const Floats slip = leg_v.linear.x * n.y - leg_v.linear.y * n.x + leg_v.spin * contact.tangent_lever[point];
    const Floats most = contact.friction * contact.normal_impulse[point];
    const Floats impulse = clamp(contact.tangent_impulse[point] - contact.tangent_mass[point] * slip, -most, most);
    const Floats change = impulse - contact.tangent_impulse[point];
    contact.tangent_impulse[point] = impulse;
    leg_v.linear.x += m * change * n.y;
    leg_v.linear.y -= m * change * n.x;
    leg_v.spin += i * change * contact.tangent_lever[point];
  }

  const Floats a1 = contact.normal_impulse[0], a2 = contact.normal_impulse[1];
  const Floats approach = leg_v.linear.x * n.x + leg_v.linear.y * n.y;
  const Floats b1 = approach + leg_v.spin * contact.normal_lever[0] - contact.k_11 * a1 - contact.k_12 * a2;
  const Floats b2 = approach + leg_v.spin * contact.normal_lever[1] - contact.k_12 * a1 - contact.k_22 * a2;
  const Floats both_1 = -(contact.inverse_11 * b1) - contact.inverse_12 * b2;
  const Floats both_2 = -(contact.inverse_12 * b1) - contact.inverse_22 * b2;
  const Floats only_1 = -(contact.normal_mass[0] * b1);
  const Floats only_2 = -(contact.normal_mass[1] * b2);
  const Mask both_press = (both_1 >= zero) & (both_2 >= zero);
  const Mask first_presses = (only_1 >= zero) & (contact.k_12 * only_1 + b2 >= zero);
  const Mask second_presses = (only_2 >= zero) & (contact.k_12 * only_2 + b1 >= zero);
  const Mask none_presses = (b1 >= zero) & (b2 >= zero);
  const Floats x1 =
      select(both_press, both_1, select(first_presses, only_1, select(second_presses | none_presses, zero, a1)));
  const Floats x2 = select(both_press, both_2,
                           select(first_presses, zero, select(second_presses, only_2, select(none_presses, zero, a2))));
  const Floats d1 = x1 - a1, d2 = x2 - a2, d = m * (d1 + d2);
  contact.normal_impulse[0] = x1;
  contact.normal_impulse[1] = x2;
  leg_v.linear.x += d * n.x;
  leg_v.linear.y += d * n.y;
  leg_v.spin += i * (d1 * contact.normal_lever[0] + d2 * contact.normal_lever[1]);
}

// One sweep. `TwoPoints`: whether any lane solves two; every lane goes its own way all the same.
template <bool TwoPoints>
LANDER_INLINE void solve(ContactConstraint& contact, Velocity& leg_v) {
  if constexpr (!TwoPoints) {
    solve_one_point(contact, leg_v);
  } else {
    const Velocity before = leg_v;
    const Floats normal = contact.normal_impulse[0], tangent = contact.tangent_impulse[0];
    solve_one_point(contact, leg_v);
    const Velocity one_v = leg_v;
    const Floats one_normal = contact.normal_impulse[0], one_tangent = contact.tangent_impulse[0];
    leg_v = before;
    contact.normal_impulse[0] = normal;
    contact.tangent_impulse[0] = tangent;
    solve_two_points(contact, leg_v);
    leg_v = {select(contact.second, leg_v.linear, one_v.linear), select(contact.second, leg_v.spin, one_v.spin)};
    for (int point = 0; point < 2; ++point) {
      const Floats one = point == 0 ? one_normal : floats(0.0f), slide = point == 0 ? one_tangent : floats(0.0f);
      contact.normal_impulse[point] = select(contact.second, contact.normal_impulse[point], one);
      contact.tangent_impulse[point] = select(contact.second, contact.tangent_impulse[point], slide);
    }
  }
}

// Pushes an overlap out at one point in the lanes of `active`, and keeps the least separation seen
// (b2ContactSolver::SolvePositionConstraints).
LANDER_INLINE void solve_position(const ContactConstraint& contact, int point, Mask active, Body<Floats>& leg_b,
                                  Floats& least_separation) {
  const Floats zero = floats(0.0f);
  const Mask there = contact.has_point[point] & active;
  const Mask by_polygon = contact.polygon_reference;
  const Rotation<Floats> turn = rotation(leg_b.angle);
  // One of face and point belongs to the leg and moves with it.
  const Vec2<Floats> leg_local = select(by_polygon, contact.face_point, contact.local_points[point]);
  const Vec2<Floats> leg_point = leg_b.position + rotate(turn, leg_local);
  const Vec2<Floats> face_normal = select(by_polygon, rotate(turn, contact.face_normal), contact.face_normal);
  const Vec2<Floats> place = select(by_polygon, contact.local_points[point], leg_point);
  const Vec2<Floats> face_point = select(by_polygon, leg_point, contact.face_point);
  const Floats separation = dot(place - face_point, face_normal) - touching_distance;
  least_separation = select(there, minimum(least_separation, separation), least_separation);

  const Vec2<Floats> normal = select(by_polygon, -face_normal, face_normal);
  const Floats lever = cross(place - leg_b.position, normal);
  const Floats correction =
      clamp(position_correction * (separation + linear_slop), floats(-largest_linear_correction), zero);
  const Floats impulse = select(there, -correction / (leg_inverse_mass + leg_inverse_inertia * lever * lever), zero);
  leg_b.position.x += leg_inverse_mass * impulse * normal.x;
  leg_b.position.y += leg_inverse_mass * impulse * normal.y;
  leg_b.angle += leg_inverse_inertia * impulse * lever;
}

}  // namespace lander
