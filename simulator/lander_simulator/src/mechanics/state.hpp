// What the mechanics remember from one step to the next.
#pragma once

#include "mechanics/constants.hpp"
#include "numbers/elementary.hpp"

namespace lander {

// A rigid body: its centre of mass, turn and velocities.
template <class Real>
struct Body {
  Vec2<Real> position;  // m, world
  Real angle;           // rad
  Vec2<Real> velocity;  // m/s
  Real spin;            // rad/s
};

// The impulses that a joint needed in the last step: where the next one starts from ("warm starting").
template <class Real>
struct JointImpulses {
  Vec2<Real> pin;   // N s, holds the leg's anchor at the hull's origin
  Real limit;       // N m s, keeps the angle within its limits
  Real motor;       // N m s
  Real limit_side;  // +1 at the lower limit, -1 at the upper, 0 between them
};

// The three bodies and two joints of a lander. Mechanics<float> is one lane, Mechanics<Floats> a block of lanes.
template <class Real>
struct Mechanics {
  Body<Real> bodies[lander::bodies];
  JointImpulses<Real> joints[legs];
  Real sleep_time[lander::bodies];  // s for which a body has been slow enough to sleep
  Real warm_start;                  // 0 in an episode's first step, where nothing is remembered; then 1
  Real positions_solved;            // 1 where the last step's position sweeps came to an end by themselves
};

inline constexpr int mechanics_fields = sizeof(Mechanics<float>) / sizeof(float);
static_assert(sizeof(Mechanics<Floats>) == mechanics_fields * sizeof(Floats));

// One lane's column of a block, field by field. A vector may be read through a pointer to its elements.
LANDER_INLINE float& field_of(Mechanics<Floats>& block, int field, int column) {
  return reinterpret_cast<float*>(&block)[field * width + column];
}
LANDER_INLINE float& field_of(Mechanics<float>& lane, int field) { return reinterpret_cast<float*>(&lane)[field]; }

LANDER_INLINE void copy_column(const Mechanics<Floats>& from, int from_column, Mechanics<Floats>& to, int to_column) {
  const float* source = reinterpret_cast<const float*>(&from) + from_column;
  float* target = reinterpret_cast<float*>(&to) + to_column;
  for (int field = 0; field < mechanics_fields; ++field) target[field * width] = source[field * width];
}
inline Mechanics<float> column_of(const Mechanics<Floats>& block, int column) {
  Mechanics<float> lane;
  const float* source = reinterpret_cast<const float*>(&block) + column;
  for (int field = 0; field < mechanics_fields; ++field) field_of(lane, field) = source[field * width];
  return lane;
}
inline void set_column(Mechanics<Floats>& block, int column, Mechanics<float> lane) {
  for (int field = 0; field < mechanics_fields; ++field) field_of(block, field, column) = field_of(lane, field);
}

// One number of the two zeros: -0 comes out as +0. Which of them a solver leaves where it had nothing to do depends on
// the lanes beside it, and on nothing else, so storing +0 makes a lane's bits its own.
LANDER_INLINE void drop_negative_zeros(Mechanics<Floats>& block) {
  Floats* fields = reinterpret_cast<Floats*>(&block);
  for (int field = 0; field < mechanics_fields; ++field) fields[field] = fields[field] + 0.0f;
}

}  // namespace lander
