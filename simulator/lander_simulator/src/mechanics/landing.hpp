// One step of landers with a leg on the ground: b2Island::Solve with contacts.
//
// A leg is 68 times lighter than the hull, so Box2D's 180 sweeps do not converge here, and what they leave undone is
// part of how LunarLander lands. So the sweeps are done one by one in Box2D's order, until they stand still.
#pragma once

#include "mechanics/contacts.hpp"
#include "mechanics/flight.hpp"
#include "mechanics/touch.hpp"

namespace lander {

// How often a packet is asked whether it still moves.
inline constexpr int sweeps_at_once = 4;

// The contacts of both legs in the island's order: first those of legs[1], then those of legs[0].
inline constexpr int packet_contacts = legs * most_contacts;
static_assert(packet_contacts == 6);
LANDER_INLINE constexpr int leg_of(int slot) { return slot < most_contacts ? 1 : 0; }

// Up to `width` lanes that touch the ground, gathered from their blocks.
struct Packet {
  Mechanics<Floats> mechanics;
  ContactConstraint contacts[packet_contacts];
  Vec2<Floats> arms[packet_contacts][2];
  bool used[packet_contacts];
  bool two_points[packet_contacts];         // whether any lane solves both
  bool limited[legs];                       // whether a limit holds that leg in any lane
  Contact* origin[packet_contacts][width];  // whose constraint it is; null where the lane has none
  Mask empty;                               // columns without a lane
  Floats sweeps;                            // after how many each lane stood still
};

LANDER_INLINE void set(Vec2<Floats>& vector, int column, Point value) {
  vector.x[column] = value.x;
  vector.y[column] = value.y;
}

// Puts a contact into a packet's column.
inline void load(Packet& packet, int slot, int column, Contact& contact, Point centre, float warm_start) {
  ContactConstraint& c = packet.contacts[slot];
  const Manifold& manifold = contact.manifold;
  set(c.normal, column, manifold.normal);
  c.friction[column] = contact.edge == base_line ? base_line_friction : terrain_friction;
  c.polygon_reference[column] = manifold.reference == Reference::polygon ? -1 : 0;
  set(c.face_normal, column, manifold.face_normal);
  set(c.face_point, column, manifold.face_point);
  for (int point = 0; point < 2; ++point) {
    const bool there = point < manifold.point_count;
    c.has_point[point][column] = there ? -1 : 0;
    set(c.local_points[point], column, there ? manifold.local_points[point] : Point{0, 0});
    set(packet.arms[slot][point], column, there ? manifold.world_points[point] - centre : Point{0, 0});
    c.normal_impulse[point][column] = there ? warm_start * contact.normal_impulse[point] : 0;
    c.tangent_impulse[point][column] = there ? warm_start * contact.tangent_impulse[point] : 0;
  }
  packet.used[slot] = true;
  packet.origin[slot][column] = &contact;
}

// Fills the packet's column with a lane.
inline void load(Packet& packet, int column, const Mechanics<Floats>& block, int block_column,
                 LegContacts contacts[legs]) {
  copy_column(block, block_column, packet.mechanics, column);
  const float warm_start = packet.mechanics.warm_start[column];
  for (int leg = 0; leg < legs; ++leg) {
    const Body<Floats>& body = packet.mechanics.bodies[1 + leg];
    const Point centre = {body.position.x[column], body.position.y[column]};
    int slot = leg == 1 ? 0 : most_contacts;
    for (int i = 0; i < contacts[leg].count; ++i) {
      Contact& contact = contacts[leg].contacts[i];
      if (contact.touching) load(packet, slot++, column, contact, centre, warm_start);
    }
  }
}

// What sweeps change: velocities and accumulated impulses.
struct Iterate {
  Velocity v[bodies];
  JointImpulses<Floats> joints[legs];
  Floats normal_impulse[packet_contacts][2], tangent_impulse[packet_contacts][2];
};

template <int Slot>
LANDER_INLINE void solve_contact(Packet& packet, Velocity v[bodies]) {
  if (!packet.used[Slot]) return;
  if (packet.two_points[Slot]) {
    solve<true>(packet.contacts[Slot], v[1 + leg_of(Slot)]);
  } else {
    solve<false>(packet.contacts[Slot], v[1 + leg_of(Slot)]);
  }
}
template <int Leg>
LANDER_INLINE void solve_joint(const Packet& packet, JointConstraint& joint, Velocity v[bodies]) {
  if (packet.limited[Leg]) {
    solve<Leg, true>(joint, v[hull], v[1 + Leg]);
  } else {
    solve<Leg, false>(joint, v[hull], v[1 + Leg]);
  }
}
LANDER_INLINE void sweep(Packet& packet, JointPair& joints, Velocity v[bodies]) {
  solve_joint<1>(packet, joints.right, v);
  solve_joint<0>(packet, joints.left, v);
  solve_contact<0>(packet, v);
  solve_contact<1>(packet, v);
  solve_contact<2>(packet, v);
  solve_contact<3>(packet, v);
  solve_contact<4>(packet, v);
  solve_contact<5>(packet, v);
}

// Takes over the lanes of `where`.
inline void keep(Iterate& result, Mask where, const Packet& packet, const JointImpulses<Floats>& left,
                 const JointImpulses<Floats>& right, const Velocity v[bodies]) {
  for (int i = 0; i < bodies; ++i) result.v[i] = select(where, v[i], result.v[i]);
  result.joints[0] = select(where, left, result.joints[0]);
  result.joints[1] = select(where, right, result.joints[1]);
  for (int slot = 0; slot < packet_contacts; ++slot) {
    if (!packet.used[slot]) continue;
    const ContactConstraint& contact = packet.contacts[slot];
    for (int point = 0; point < 2; ++point) {
      result.normal_impulse[slot][point] =
          select(where, contact.normal_impulse[point], result.normal_impulse[slot][point]);
      result.tangent_impulse[slot][point] =
          select(where, contact.tangent_impulse[point], result.tangent_impulse[slot][point]);
    }
  }
}

// Velocities after up to 180 sweeps. A lane stops at its own sweep, as in flight.
inline void solve_velocities(Packet& packet, Iterate& result) {
  Velocity v[bodies];
  for (int i = 0; i < bodies; ++i) v[i] = {packet.mechanics.bodies[i].velocity, packet.mechanics.bodies[i].spin};
  for (int slot = 0; slot < packet_contacts; ++slot) {
    if (!packet.used[slot]) continue;
    prepare(packet.contacts[slot], packet.arms[slot], v[1 + leg_of(slot)]);
    packet.two_points[slot] = any(packet.contacts[slot].second);
  }
  JointPair joints;
  prepare(joints, packet.mechanics, v);
  packet.limited[0] = any(joints.left.impulses.limit_side != floats(0.0f));
  packet.limited[1] = any(joints.right.impulses.limit_side != floats(0.0f));

  Mask done = packet.empty;
  for (int swept = sweeps_at_once; swept <= velocity_sweeps; swept += sweeps_at_once) {
    for (int i = 1; i < sweeps_at_once; ++i) sweep(packet, joints, v);
    const Velocity before[bodies] = {v[0], v[1], v[2]};
    const JointImpulses<Floats> left_before = joints.left.impulses, right_before = joints.right.impulses;
    sweep(packet, joints, v);
    const Floats change = difference(v[0], before[0]) + difference(v[1], before[1]) + difference(v[2], before[2]);
    const Mask still = swept == velocity_sweeps ? ~done : (change <= floats(converged)) & ~done;
    if (!any(still)) continue;
    JointImpulses<Floats> left = joints.left.impulses, right = joints.right.impulses;
    const Floats sweeps_left = floats(static_cast<float>(velocity_sweeps - swept));
    drift(left, left_before, sweeps_left);
    drift(right, right_before, sweeps_left);
    keep(result, still, packet, left, right, v);
    packet.sweeps = select(still, floats(static_cast<float>(swept)), packet.sweeps);
    done = done | still;
    if (!any(~done)) return;
  }
}
static_assert(velocity_sweeps % sweeps_at_once == 0);

// Positions after up to 60 sweeps; returns the lanes in which they did not come to an end.
inline Mask solve_positions(Packet& packet) {
  Body<Floats>* b = packet.mechanics.bodies;
  const Floats right_side = packet.mechanics.joints[1].limit_side, left_side = packet.mechanics.joints[0].limit_side;
  Mask unmet = ~packet.empty;
  for (int sweep = 0; sweep < position_sweeps && any(unmet); ++sweep) {
    Floats least_separation = floats(0.0f);
    for (int slot = 0; slot < packet_contacts; ++slot) {
      if (!packet.used[slot]) continue;
      for (int point = 0; point < 2; ++point) {
        solve_position(packet.contacts[slot], point, unmet, b[1 + leg_of(slot)], least_separation);
      }
    }
    const Mask apart = least_separation >= floats(-3.0f * linear_slop);
    const Mask right_met = solve_position<1>(right_side, unmet, b[hull], b[2]);
    const Mask left_met = solve_position<0>(left_side, unmet, b[hull], b[1]);
    unmet = unmet & ~(apart & right_met & left_met);
  }
  return unmet;
}

// Moves the packet's lanes by one step and writes contact impulses back to where they came from.
inline void solve_landing(Packet& packet) {
  Iterate result{};
  solve_velocities(packet, result);
  for (int i = 0; i < bodies; ++i) move(packet.mechanics.bodies[i], result.v[i]);
  packet.mechanics.joints[0] = result.joints[0];
  packet.mechanics.joints[1] = result.joints[1];
  packet.mechanics.positions_solved = select(solve_positions(packet), floats(0.0f), floats(1.0f));
  drop_negative_zeros(packet.mechanics);
  for (int slot = 0; slot < packet_contacts; ++slot) {
    if (!packet.used[slot]) continue;
    for (int column = 0; column < width; ++column) {
      Contact* contact = packet.origin[slot][column];
      if (contact == nullptr) continue;
      const int points = packet.contacts[slot].second[column] != 0 ? 2 : 1;
      for (int point = 0; point < points; ++point) {
        contact->normal_impulse[point] = result.normal_impulse[slot][point][column] + 0.0f;
        contact->tangent_impulse[point] = result.tangent_impulse[slot][point][column] + 0.0f;
      }
    }
  }
}

}  // namespace lander
