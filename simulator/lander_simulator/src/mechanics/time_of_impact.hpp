// Continuous collision: a leg that would go into the ground during a step is stopped where it meets it, and spends the
// rest of the step in contact, alone (b2World::SolveTOI, b2TimeOfImpact.cpp, b2Island::SolveTOI).
//
// Box2D finds the distance of two shapes by GJK and their time of impact by conservative advancement. Here the distance
// is the largest separation over all axes of both shapes, whose root is found directly: the same, but where a corner of
// the leg meets the end of an edge.
#pragma once

#include "mechanics/touch.hpp"

namespace lander {

inline constexpr float impact_distance = linear_slop;  // max(slop, 2 radius - 3 slop)
inline constexpr float impact_tolerance = 0.25f * linear_slop;

// The largest separation of polygon and edge over the normals of both.
template <int N>
inline float separation(const PlacedPolygon<N>& polygon, const Edge& edge) {
  float largest = edge_separation(polygon, edge, edge_normal(edge, polygon.centre));
  if (largest > touching_distance) return largest;
  for (int i = 0; i < N; ++i) largest = maximum(largest, side_separation(polygon, i, edge));
  return largest;
}

struct Motion {
  Point velocity;
  float spin;
};

// The share of the way from start to end at which the leg meets the edge; 1 where it does not.
inline float time_of_impact(const Edge& edge, const Pose& start, const Pose& end) {
  const float at_end = separation(place(leg_shape, end), edge);
  const float at_start = separation(place(leg_shape, start), edge);
  if (at_start <= 0) return 1;  // they overlap: Box2D gives up on these
  if (at_start < impact_distance + impact_tolerance) return 0;
  if (at_end > impact_distance - impact_tolerance) return 1;
  float low = 0, high = 1, at_low = at_start, at_high = at_end, share = 0.5f;
  for (int i = 0; i < 50; ++i) {  // bisection and the secant rule in turn
    share = (i & 1) != 0 ? low + (impact_distance - at_low) * (high - low) / (at_high - at_low) : 0.5f * (low + high);
    const float now = separation(place(leg_shape, between(start, end, share)), edge);
    if (absolute(now - impact_distance) < impact_tolerance) break;
    if (now > impact_distance) {
      low = share;
      at_low = now;
    } else {
      high = share;
      at_high = now;
    }
  }
  return share;
}

namespace detail {

// A contact's manifold at the leg's present pose.
struct Placed {
  Point face_normal, face_point;
  float sign;  // -1 where the reference face is the leg's, so that sign x face_normal leads to the leg
};
LANDER_INLINE Placed place(const Manifold& manifold, const Pose& leg) {
  if (manifold.reference == Reference::edge) return {manifold.face_normal, manifold.face_point, 1};
  const Rotation<float> turn = rotation(leg.angle);
  return {rotate(turn, manifold.face_normal), leg.position + rotate(turn, manifold.face_point), -1};
}
LANDER_INLINE Point place_point(const Manifold& manifold, int point, const Pose& leg) {
  if (manifold.reference == Reference::polygon) return manifold.local_points[point];
  return leg.position + rotate(rotation(leg.angle), manifold.local_points[point]);
}

// Overlaps out (b2ContactSolver::SolveTOIPositionConstraints).
inline void separate(Contact* const* touching, int count, Pose& leg) {
  for (int sweep = 0; sweep < impact_position_sweeps; ++sweep) {
    float least_separation = 0;
    for (int i = 0; i < count; ++i) {
      const Manifold& manifold = touching[i]->manifold;
      for (int point = 0; point < manifold.point_count; ++point) {
        const Placed face = place(manifold, leg);
        const Point position = place_point(manifold, point, leg);
        const float separation = dot(position - face.face_point, face.face_normal) - touching_distance;
        least_separation = minimum(least_separation, separation);
        const Point normal = face.sign * face.face_normal;
        const float lever = cross(position - leg.position, normal);
        const float correction =
            clamp(impact_position_correction * (separation + linear_slop), -largest_linear_correction, 0.0f);
        const float impulse = -correction / (leg_inverse_mass + leg_inverse_inertia * lever * lever);
        leg.position = leg.position + (leg_inverse_mass * impulse) * normal;
        leg.angle += leg_inverse_inertia * impulse * lever;
      }
    }
    if (least_separation >= -1.5f * linear_slop) return;
  }
}

// One contact of a single leg; the scalar sibling of ContactConstraint, without warm start.
struct ImpactConstraint {
  Point normal;
  float friction;
  int points;
  float normal_lever[2], tangent_lever[2], normal_mass[2], tangent_mass[2];
  float k_11, k_12, k_22, inverse_11, inverse_12, inverse_22;
  float normal_impulse[2], tangent_impulse[2];
};

inline ImpactConstraint prepare(const Contact& contact, const Pose& leg) {
  ImpactConstraint c{};
  const Manifold& manifold = contact.manifold;
  const Placed face = place(manifold, leg);
  constexpr float m = leg_inverse_mass, i = leg_inverse_inertia;
  c.normal = face.sign * face.face_normal;
  c.friction = contact.edge == base_line ? base_line_friction : terrain_friction;
  c.points = manifold.point_count;
  const Point tangent = {c.normal.y, -c.normal.x};
  for (int point = 0; point < c.points; ++point) {
    const Point position = place_point(manifold, point, leg);
    const float separation = dot(position - face.face_point, face.face_normal);
    const Point arm = position + (-0.5f * separation) * face.face_normal - leg.position;
    const float n = c.normal_lever[point] = cross(arm, c.normal);
    const float t = c.tangent_lever[point] = cross(arm, tangent);
    c.normal_mass[point] = 1.0f / (m + i * n * n);
    c.tangent_mass[point] = 1.0f / (m + i * t * t);
  }
  if (c.points == 2) {
    c.k_11 = m + i * c.normal_lever[0] * c.normal_lever[0];
    c.k_12 = m + i * c.normal_lever[0] * c.normal_lever[1];
    c.k_22 = m + i * c.normal_lever[1] * c.normal_lever[1];
    const float determinant = c.k_11 * c.k_22 - c.k_12 * c.k_12;
    if (c.k_11 * c.k_11 < 1000.0f * determinant) {
      const float inverse = 1.0f / determinant;
      c.inverse_11 = inverse * c.k_22;
      c.inverse_12 = -inverse * c.k_12;
      c.inverse_22 = inverse * c.k_11;
    } else {
      c.points = 1;
    }
  }
  return c;
}

LANDER_INLINE void push(Motion& leg, Point direction, float impulse, float lever) {
  leg.velocity = leg.velocity + (leg_inverse_mass * impulse) * direction;
  leg.spin += leg_inverse_inertia * impulse * lever;
}

inline void solve(ImpactConstraint& c, Motion& leg) {
  const Point tangent = {c.normal.y, -c.normal.x};
  for (int point = 0; point < c.points; ++point) {
    const float slip = dot(leg.velocity, tangent) + leg.spin * c.tangent_lever[point];
    const float most = c.friction * c.normal_impulse[point];
    const float impulse = clamp(c.tangent_impulse[point] - c.tangent_mass[point] * slip, -most, most);
    push(leg, tangent, impulse - c.tangent_impulse[point], c.tangent_lever[point]);
    c.tangent_impulse[point] = impulse;
  }
  const float approach = dot(leg.velocity, c.normal);
  if (c.points == 1) {
    const float v = approach + leg.spin * c.normal_lever[0];
    const float impulse = maximum(c.normal_impulse[0] - c.normal_mass[0] * v, 0.0f);
    push(leg, c.normal, impulse - c.normal_impulse[0], c.normal_lever[0]);
    c.normal_impulse[0] = impulse;
    return;
  }
  // The four cases of the complementarity problem, as in contacts.hpp.
  const float a1 = c.normal_impulse[0], a2 = c.normal_impulse[1];
  const float b1 = approach + leg.spin * c.normal_lever[0] - (c.k_11 * a1 + c.k_12 * a2);
  const float b2 = approach + leg.spin * c.normal_lever[1] - (c.k_12 * a1 + c.k_22 * a2);
  float x1 = -(c.inverse_11 * b1 + c.inverse_12 * b2), x2 = -(c.inverse_12 * b1 + c.inverse_22 * b2);
  bool fits = x1 >= 0 && x2 >= 0;
  if (!fits) {
    x1 = -c.normal_mass[0] * b1;
    x2 = 0;
    fits = x1 >= 0 && c.k_12 * x1 + b2 >= 0;
  }
  if (!fits) {
    x1 = 0;
    x2 = -c.normal_mass[1] * b2;
    fits = x2 >= 0 && c.k_12 * x2 + b1 >= 0;
  }
  if (!fits) {
    x1 = x2 = 0;
    fits = b1 >= 0 && b2 >= 0;
  }
  if (!fits) return;
  push(leg, c.normal, x1 - a1, c.normal_lever[0]);
  push(leg, c.normal, x2 - a2, c.normal_lever[1]);
  c.normal_impulse[0] = x1;
  c.normal_impulse[1] = x2;
}

// The rest of a step for a leg in contact (b2Island::SolveTOI). `start` becomes the pose from which the next time of
// impact is looked for.
inline void spend_rest_of_step(LegContacts& contacts, Pose& start, Pose& end, Motion& motion, float rest) {
  Contact* touching[most_contacts] = {};
  int count = 0;
  for (int i = 0; i < contacts.count; ++i) {
    if (contacts.contacts[i].touching) touching[count++] = &contacts.contacts[i];
  }
  end = start;
  separate(touching, count, end);
  start = end;
  ImpactConstraint constraints[most_contacts];
  for (int i = 0; i < count; ++i) constraints[i] = prepare(*touching[i], end);
  constexpr float still = 1e-6f;
  for (int sweep = 0; sweep < velocity_sweeps; ++sweep) {
    const Motion before = motion;
    for (int i = 0; i < count; ++i) solve(constraints[i], motion);
    const float change = absolute(motion.velocity.x - before.velocity.x) +
                         absolute(motion.velocity.y - before.velocity.y) + 0.1f * absolute(motion.spin - before.spin);
    if (sweep > 2 && change < still) break;
  }
  end.position = end.position + rest * motion.velocity;
  end.angle += rest * motion.spin;
}

}  // namespace detail

// Stops a leg, which a step has taken from start to end, where it meets the ground. `end` and `motion` become those
// after the impact.
inline void solve_impacts(LegContacts& contacts, const Moon& moon, Pose start, Pose& end, Motion& motion) {
  constexpr float never = 1.0f - 10.0f * 1.1920929e-7f;
  float spent = 0;  // of the step
  for (;;) {
    find_new_contacts(contacts, moon, hull_of(box_of(place(leg_shape, start)), box_of(place(leg_shape, end))));
    Contact* first = nullptr;
    float earliest = 1;
    for (int i = 0; i < contacts.count; ++i) {
      Contact& contact = contacts.contacts[i];
      if (!contact.enabled || contact.impacts > impact_substeps) continue;
      const float share = time_of_impact(moon.edge(contact.edge), start, end);
      if (share >= 1) continue;
      const float when = spent + (1 - spent) * share;
      if (when < earliest) {
        earliest = when;
        first = &contact;
      }
    }
    if (first == nullptr || earliest > never) return;
    const Pose impact = between(start, end, (earliest - spent) / (1 - spent));
    const PlacedPolygon<4> polygon = place(leg_shape, impact);
    update(*first, moon, polygon, impact, contacts.ground_contact);
    ++first->impacts;
    if (!first->touching) {
      first->enabled = false;
      continue;
    }
    for (int i = 0; i < contacts.count; ++i) {
      if (&contacts.contacts[i] != first) update(contacts.contacts[i], moon, polygon, impact, contacts.ground_contact);
    }
    spent = earliest;
    start = impact;
    detail::spend_rest_of_step(contacts, start, end, motion, (1 - spent) * time_step);
  }
}

// Whether the hull is stopped by the ground within a step that ends at `pose`, which ends the episode.
inline bool hull_impact(const Moon& moon, const Pose& pose) {
  const float left = pose.position.x - hull_reach, right = pose.position.x + hull_reach;
  if (pose.position.y - hull_reach > moon.highest(left, right)) return false;
  const PlacedPolygon<6> polygon = place(hull_shape, pose);
  const Moon::Range range = Moon::edges_below(left, right);
  for (int index = range.first; index <= range.last; ++index) {
    if (separation(polygon, moon.edge(index)) < impact_distance - impact_tolerance) return true;
  }
  return separation(polygon, moon.edge(base_line)) < impact_distance - impact_tolerance;
}

}  // namespace lander
