// LunarLander's own rules: how an episode begins, what engines and wind do, what a step is worth and when it ends.
// Source: Gymnasium, envs/box2d/lunar_lander.py, LunarLander-v3; its names in brackets.
#pragma once

#include "episode/lane.hpp"

namespace lander {

inline constexpr double viewport_width = 600.0 / 30.0;   // m
inline constexpr double viewport_height = 400.0 / 30.0;  // m
inline constexpr double helipad_height = viewport_height / 4.0;
inline constexpr double first_push = 1000.0;  // N [INITIAL_RANDOM]
inline constexpr float main_engine_power = 13.0f;
inline constexpr float side_engine_power = 0.6f;
inline constexpr float main_engine_below = 4.0f / 30.0f;  // m [MAIN_ENGINE_Y_LOCATION]
inline constexpr float side_engine_away = 12.0f / 30.0f;
inline constexpr float side_engine_height = 14.0f / 30.0f;
inline constexpr float side_engine_odd_height = 17.0f / 30.0f;  // used for x in place of 14, as in the original

// Terrain, first push and wind's offsets from the lane's generator, in the order of LunarLander.reset().
inline void begin_episode(Lane& lane, Mechanics<float>& mechanics, const Settings& settings) {
  Pcg64& random = lane.random;
  double heights[terrain_points + 1];
  for (double& height : heights) height = random.uniform(0.0, viewport_height / 2.0);
  for (int i = terrain_points / 2 - 2; i <= terrain_points / 2 + 2; ++i) heights[i] = helipad_height;
  for (int i = 0; i < terrain_points; ++i) {  // smooth_y; before the first point comes the last, as with Python's -1
    const double before = heights[i == 0 ? terrain_points : i - 1];
    lane.moon.heights[i] = static_cast<float>(0.33 * (before + heights[i] + heights[i + 1]));
  }
  lane.force.x = static_cast<float>(random.uniform(-first_push, 2.0 * first_push));
  lane.force.y = static_cast<float>(random.uniform(-first_push, 2.0 * first_push));
  lane.torque = 0;
  if (settings.enable_wind != 0) {
    lane.wind_index = random.integer(-9999, 19998);
    lane.turbulence_index = random.integer(-9999, 19998);
  }
  for (LegContacts& leg : lane.legs) leg = LegContacts{};
  lane.over = lane.hull_down = lane.asleep = false;
  lane.shaping = 0;
  lane.steps = -1;
  lane.expected_sweeps = velocity_sweeps;

  mechanics = Mechanics<float>{};
  const double x = viewport_width / 2.0, y = viewport_height;
  mechanics.bodies[hull].position = {static_cast<float>(x), static_cast<float>(y) + hull_centre_y};
  for (int leg = 0; leg < legs; ++leg) {
    const int side = leg == 0 ? -1 : 1;
    mechanics.bodies[1 + leg].position = {static_cast<float>(x - side * 20.0 / 30.0), static_cast<float>(y)};
    mechanics.bodies[1 + leg].angle = static_cast<float>(side * 0.05);
  }
}

// tanh(sin(2 k t) + sin(pi k t)), k = 0.01: never periodic.
inline double gust(std::int32_t t) { return hyperbolic_tangent(sine(0.02 * t) + sine(3.141592653589793 * 0.01 * t)); }

// Wind blows until a leg touches the ground.
inline void blow(Lane& lane, const Settings& settings) {
  if (lane.legs[0].ground_contact || lane.legs[1].ground_contact) return;
  lane.force.x += static_cast<float>(gust(lane.wind_index++) * settings.wind_power);
  lane.torque += static_cast<float>(gust(lane.turbulence_index++) * settings.turbulence_power);
}

// What the engines of a block do in one step, from its lanes' actions.
struct Throttle {
  Floats main, side;     // shares of full power
  Floats direction;      // of the side engine, -1 left and +1 right
  Floats dispersion[2];  // m
};

// Impulses on the hull at the engines' places. "Tip" is the hull's axis, "side" is across it.
LANDER_INLINE void fire(Body<Floats>& body, const Throttle& throttle) {
  const Rotation<Floats> q = rotation(body.angle);
  const Vec2<Floats> tip = {q.sine, q.cosine};
  const Floats d0 = throttle.dispersion[0], d1 = throttle.dispersion[1];
  const Vec2<Floats> centre_to_origin = {q.sine * hull_centre_y, -(q.cosine * hull_centre_y)};

  const Floats along = main_engine_below + 2.0f * d0;
  const Vec2<Floats> main_offset = {tip.x * along - tip.y * d1, -(tip.y * along) - tip.x * d1};
  const Vec2<Floats> main_impulse = -(main_engine_power * throttle.main) * main_offset;
  const Vec2<Floats> main_arm = centre_to_origin + main_offset;

  const Floats across = 3.0f * d1 + throttle.direction * side_engine_away;
  const Vec2<Floats> side_offset = {tip.x * d0 - tip.y * across, -(tip.y * d0) - tip.x * across};
  const Vec2<Floats> side_impulse = -(side_engine_power * throttle.side) * side_offset;
  const Vec2<Floats> side_arm = {centre_to_origin.x + side_offset.x - tip.x * side_engine_odd_height,
                                 centre_to_origin.y + side_offset.y + tip.y * side_engine_height};

  body.velocity = body.velocity + hull_inverse_mass * (main_impulse + side_impulse);
  body.spin += hull_inverse_inertia * (cross(main_arm, main_impulse) + cross(side_arm, side_impulse));
}

// What one step gives back.
struct Outcome {
  float* observation;  // 8 numbers
  double* reward;
  std::uint8_t* terminated;
  std::uint8_t* truncated;
};

// Observation, reward and end of one lane after its step, in double precision as Python has them. `main` and `side` are
// the engines' shares of full power.
inline void conclude(Lane& lane, const Body<float>& body, Rotation<float> turn, double main, double side,
                     const Settings& settings, const Outcome& out) {
  const double x = body.position.x + turn.sine * hull_centre_y, y = body.position.y - turn.cosine * hull_centre_y;
  const double state[6] = {
      (x - viewport_width / 2.0) / (viewport_width / 2.0),
      (y - (helipad_height + 18.0 / 30.0)) / (viewport_height / 2.0),
      body.velocity.x * (viewport_width / 2.0) / 50.0,
      body.velocity.y * (viewport_height / 2.0) / 50.0,
      body.angle,
      20.0 * body.spin / 50.0,
  };
  const double contact[legs] = {lane.legs[0].ground_contact ? 1.0 : 0.0, lane.legs[1].ground_contact ? 1.0 : 0.0};
  for (int i = 0; i < 6; ++i) out.observation[i] = static_cast<float>(state[i]);
  for (int leg = 0; leg < legs; ++leg) out.observation[6 + leg] = static_cast<float>(contact[leg]);

  const double shaping = -100.0 * __builtin_sqrt(state[0] * state[0] + state[1] * state[1]) -
                         100.0 * __builtin_sqrt(state[2] * state[2] + state[3] * state[3]) -
                         100.0 * __builtin_fabs(state[4]) + 10.0 * contact[0] + 10.0 * contact[1];
  ++lane.steps;
  const bool first = lane.steps == 0;  // the step of reset(): nothing is judged
  const bool asleep = lane.asleep;
  const bool lost = lane.hull_down || __builtin_fabs(state[0]) >= 1.0;
  double reward = shaping - lane.shaping - main * 0.30 - side * 0.03;
  lane.shaping = shaping;
  if (lost) reward = -100.0;
  if (asleep) reward = 100.0;  // over -100, as in the original
  const bool terminated = !first && (lost || asleep);
  const bool truncated = !first && settings.most_steps > 0 && lane.steps >= settings.most_steps;
  *out.reward = first ? 0.0 : reward;
  *out.terminated = terminated;
  *out.truncated = truncated;
  lane.over = terminated || truncated;
}

}  // namespace lander
