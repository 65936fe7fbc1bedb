// What belongs to one lane beside its bodies and joints: moon, contacts, random numbers, the episode's course.
#pragma once

#include "mechanics/touch.hpp"
#include "numbers/random.hpp"

namespace lander {

struct Settings {
  double wind_power, turbulence_power;  // N, N m
  float gravity;                        // m/s^2
  std::int32_t continuous, enable_wind;
  std::int32_t most_steps;  // of an episode; 0 for no limit
};

struct Lane {
  Moon moon;
  LegContacts legs[lander::legs];
  Pcg64 random;
  double shaping;  // of the last step, in the reward's unit
  Point force;     // on the hull in the next step, N: the episode's first push
  float torque;    // N m
  std::int32_t wind_index, turbulence_index;
  std::int32_t steps;  // taken in this episode; the one that reset() takes is not counted
  bool over;           // the episode has ended: the next step resets
  bool hull_down;      // the hull has touched the ground
  bool asleep;
  bool near_ground;              // in this step: contacts and times of impact are looked for
  std::int32_t expected_sweeps;  // as many as last time: packets are made of lanes that need about the same
};

// A lane as it leaves and enters the library, bit for bit (state() and restore() in batch.py read it as a NumPy
// record). Manifolds are not part of it: they are found anew from the poses at the start of every step.
struct ContactRecord {
  std::int32_t edge, touching, point_count, feature[2];
  float normal_impulse[2], tangent_impulse[2];
};
struct LegRecord {
  std::int32_t count, ground_contact;
  ContactRecord contacts[most_contacts];
};
struct LaneRecord {
  Mechanics<float> mechanics;
  float heights[terrain_points];
  LegRecord legs[lander::legs];
  std::int32_t wind_index, turbulence_index, steps, over, hull_down, asleep;
  Pcg64 random;
  double shaping;
};

inline LaneRecord record(const Lane& lane, const Mechanics<float>& mechanics) {
  LaneRecord r{};
  r.mechanics = mechanics;
  for (int i = 0; i < terrain_points; ++i) r.heights[i] = lane.moon.heights[i];
  for (int leg = 0; leg < legs; ++leg) {
    r.legs[leg].count = lane.legs[leg].count;
    r.legs[leg].ground_contact = lane.legs[leg].ground_contact;
    for (int i = 0; i < lane.legs[leg].count; ++i) {
      const Contact& from = lane.legs[leg].contacts[i];
      ContactRecord& to = r.legs[leg].contacts[i];
      to.edge = from.edge;
      to.touching = from.touching;
      to.point_count = from.manifold.point_count;
      for (int point = 0; point < from.manifold.point_count; ++point) {
        to.feature[point] = from.manifold.feature[point];
        to.normal_impulse[point] = from.normal_impulse[point];
        to.tangent_impulse[point] = from.tangent_impulse[point];
      }
    }
  }
  r.wind_index = lane.wind_index;
  r.turbulence_index = lane.turbulence_index;
  r.steps = lane.steps;
  r.over = lane.over;
  r.hull_down = lane.hull_down;
  r.asleep = lane.asleep;
  r.random = lane.random;
  r.shaping = lane.shaping;
  return r;
}

inline void restore(Lane& lane, const LaneRecord& r) {
  const std::int32_t expected_sweeps = lane.expected_sweeps;  // no part of a state: it decides no result
  lane = Lane{};
  lane.expected_sweeps = expected_sweeps;
  for (int i = 0; i < terrain_points; ++i) lane.moon.heights[i] = r.heights[i];
  for (int leg = 0; leg < legs; ++leg) {
    const std::int32_t count = r.legs[leg].count;
    lane.legs[leg].count = count < 0 ? 0 : (count > most_contacts ? most_contacts : count);
    lane.legs[leg].ground_contact = r.legs[leg].ground_contact != 0;
    for (int i = 0; i < lane.legs[leg].count; ++i) {
      const ContactRecord& from = r.legs[leg].contacts[i];
      Contact& to = lane.legs[leg].contacts[i];
      to.edge = from.edge < 0 || from.edge > base_line ? base_line : from.edge;
      to.touching = from.touching != 0;
      to.enabled = true;
      to.manifold.point_count = from.point_count < 0 ? 0 : (from.point_count > 2 ? 2 : from.point_count);
      for (int point = 0; point < to.manifold.point_count; ++point) {
        to.manifold.feature[point] = from.feature[point];
        to.normal_impulse[point] = from.normal_impulse[point];
        to.tangent_impulse[point] = from.tangent_impulse[point];
      }
    }
  }
  lane.wind_index = r.wind_index;
  lane.turbulence_index = r.turbulence_index;
  lane.steps = r.steps;
  lane.over = r.over != 0;
  lane.hull_down = r.hull_down != 0;
  lane.asleep = r.asleep != 0;
  lane.random = r.random;
  lane.shaping = r.shaping;
}

}  // namespace lander
