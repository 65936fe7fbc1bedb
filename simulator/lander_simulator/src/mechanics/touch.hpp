// Which edges a leg is near, and which it touches: b2ContactManager and b2Contact::Update for one leg.
#pragma once

#include "mechanics/manifold.hpp"

namespace lander {

// A leg and an edge whose boxes overlap. It exists before they touch, and remembers the impulses between them.
struct Contact {
  std::int32_t edge;
  bool touching;
  bool enabled;          // false for the rest of a step in which a time of impact led to no touch
  std::int32_t impacts;  // times of impact in this step
  Manifold manifold;
  float normal_impulse[2];   // N s
  float tangent_impulse[2];  // N s
};

// At most two edges of the terrain, which are wider than a leg's box, and the base line.
inline constexpr int most_contacts = 3;

// The contacts of one leg, the newest first: the order in which Box2D's island takes them.
struct LegContacts {
  Contact contacts[most_contacts];
  std::int32_t count;
  bool ground_contact;  // what the environment shows of it, see update()

  bool touching() const {
    for (int i = 0; i < count; ++i) {
      if (contacts[i].touching) return true;
    }
    return false;
  }
};

struct Box {
  Point low, high;
};

LANDER_INLINE Box box_of(const PlacedPolygon<4>& polygon) {
  Box box = {polygon.vertices[0], polygon.vertices[0]};
  for (int i = 1; i < 4; ++i) {
    box.low = {minimum(box.low.x, polygon.vertices[i].x), minimum(box.low.y, polygon.vertices[i].y)};
    box.high = {maximum(box.high.x, polygon.vertices[i].x), maximum(box.high.y, polygon.vertices[i].y)};
  }
  return box;
}
LANDER_INLINE Box hull_of(Box a, Box b) {
  return {{minimum(a.low.x, b.low.x), minimum(a.low.y, b.low.y)},
          {maximum(a.high.x, b.high.x), maximum(a.high.y, b.high.y)}};
}

// Box2D compares the boxes of the shapes with their skins, both fattened by box_margin.
LANDER_INLINE bool boxes_overlap(const Box& box, const Edge& edge) {
  constexpr float margin = 2.0f * (box_margin + polygon_radius);
  return box.low.x - margin <= edge.end.x && box.high.x + margin >= edge.start.x &&
         box.low.y - margin <= maximum(edge.start.y, edge.end.y) &&
         box.high.y + margin >= minimum(edge.start.y, edge.end.y);
}

// Contacts for the edges that `box` has come near (b2ContactManager::FindNewContacts). Of several at once the edge with
// the highest index comes to stand first, since pairs are made in the order of their indices.
inline void find_new_contacts(LegContacts& leg, const Moon& moon, const Box& box) {
  const auto add = [&](int index) {
    if (leg.count == most_contacts) return;
    for (int i = 0; i < leg.count; ++i) {
      if (leg.contacts[i].edge == index) return;
    }
    if (!boxes_overlap(box, moon.edge(index))) return;
    for (int i = leg.count; i > 0; --i) leg.contacts[i] = leg.contacts[i - 1];
    leg.contacts[0] = Contact{};
    leg.contacts[0].edge = index;
    leg.contacts[0].enabled = true;
    ++leg.count;
  };
  constexpr float margin = 2.0f * (box_margin + polygon_radius);
  add(base_line);
  const Moon::Range range = Moon::edges_below(box.low.x - margin, box.high.x + margin);
  for (int index = range.first; index <= range.last; ++index) add(index);
}

// A contact anew from the leg's pose. A point that was there before keeps its impulses. The environment's flag goes up
// when a touch begins and down when one ends, also where the leg still touches another edge.
inline void update(Contact& contact, const Moon& moon, const PlacedPolygon<4>& polygon, const Pose& pose,
                   bool& ground_contact) {
  const Manifold before = contact.manifold;
  const float normal[2] = {contact.normal_impulse[0], contact.normal_impulse[1]};
  const float tangent[2] = {contact.tangent_impulse[0], contact.tangent_impulse[1]};
  contact.manifold = collide(polygon, leg_shape, pose, moon.edge(contact.edge));
  for (int i = 0; i < contact.manifold.point_count; ++i) {
    contact.normal_impulse[i] = contact.tangent_impulse[i] = 0;
    for (int j = 0; j < before.point_count; ++j) {
      if (before.feature[j] != contact.manifold.feature[i]) continue;
      contact.normal_impulse[i] = normal[j];
      contact.tangent_impulse[i] = tangent[j];
      break;
    }
  }
  const bool touched = contact.touching;
  contact.touching = contact.manifold.point_count > 0;
  contact.enabled = true;
  if (contact.touching && !touched) ground_contact = true;
  if (!contact.touching && touched) ground_contact = false;
}

// The start of a step: contacts that have moved apart go, the others are brought up to date, new ones are found
// (b2ContactManager::Collide).
inline void update_contacts(LegContacts& leg, const Moon& moon, const Pose& pose) {
  const PlacedPolygon<4> polygon = place(leg_shape, pose);
  const Box box = box_of(polygon);
  int kept = 0;
  for (int i = 0; i < leg.count; ++i) {
    if (boxes_overlap(box, moon.edge(leg.contacts[i].edge))) {
      if (kept != i) leg.contacts[kept] = leg.contacts[i];
      ++kept;
    } else if (leg.contacts[i].touching) {
      leg.ground_contact = false;
    }
  }
  leg.count = kept;
  find_new_contacts(leg, moon, box);
  for (int i = 0; i < leg.count; ++i) {
    update(leg.contacts[i], moon, polygon, pose, leg.ground_contact);
    leg.contacts[i].impacts = 0;
  }
}

// Whether the hull touches the moon, which ends the episode.
inline bool hull_touches(const Moon& moon, const Pose& pose) {
  const float left = pose.position.x - hull_reach, right = pose.position.x + hull_reach;
  if (pose.position.y - hull_reach > moon.highest(left, right) + touching_distance) return false;
  const PlacedPolygon<6> polygon = place(hull_shape, pose);
  const Moon::Range range = Moon::edges_below(left, right);
  for (int index = range.first; index <= range.last; ++index) {
    if (collide(polygon, hull_shape, pose, moon.edge(index)).point_count > 0) return true;
  }
  return collide(polygon, hull_shape, pose, moon.edge(base_line)).point_count > 0;
}

}  // namespace lander
