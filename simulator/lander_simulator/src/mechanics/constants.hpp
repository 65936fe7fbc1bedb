// The numbers of the world: Box2D's tolerances and LunarLander's bodies. Lengths in m, masses in kg, angles in rad.
//
// Sources: Box2D 2.3, Common/b2Settings.h; Gymnasium, envs/box2d/lunar_lander.py. Masses are in single precision, as
// Box2D works them out from the polygons' areas (b2PolygonShape::ComputeMass).
#pragma once

namespace lander {

// ---- Box2D's tolerances
inline constexpr float pi = 3.14159265359f;
inline constexpr float linear_slop = 0.005f;                 // an overlap that is left alone
inline constexpr float angular_slop = 2.0f / 180.0f * pi;    // the same for a joint's limit
inline constexpr float polygon_radius = 2.0f * linear_slop;  // the skin round every shape
inline constexpr float touching_distance = 2.0f * polygon_radius;
inline constexpr float largest_linear_correction = 0.2f;
inline constexpr float largest_angular_correction = 8.0f / 180.0f * pi;
inline constexpr float largest_translation = 2.0f;              // in one step
inline constexpr float largest_rotation = 0.5f * pi;            // in one step
inline constexpr float position_correction = 0.2f;              // share of an overlap removed in one iteration
inline constexpr float impact_position_correction = 0.75f;      // the same after a time of impact
inline constexpr float box_margin = 0.1f;                       // by which the broad phase fattens a box
inline constexpr float time_to_sleep = 0.5f;                    // s
inline constexpr float linear_sleep_tolerance = 0.01f;          // m/s
inline constexpr float angular_sleep_tolerance = angular_slop;  // rad/s
inline constexpr int impact_substeps = 8;                       // times of impact of one contact in a step

// ---- LunarLander's step: world.Step(1 / 50, 6 * 30, 2 * 30)
inline constexpr float time_step = 1.0f / 50.0f;  // s
inline constexpr int velocity_sweeps = 180;
inline constexpr int position_sweeps = 60;
inline constexpr int impact_position_sweeps = 20;

// ---- Bodies. The hull's centre of mass is above its origin, where its position is measured.
inline constexpr float hull_mass = 0x1.344444p+2f;                  // 4.8166666
inline constexpr float hull_centre_y = 0x1.9ef44ap-4f;              // 0.10130719
inline constexpr float hull_inertia_about_origin = 0x1.aaa840p-1f;  // 0.8333149, what pybox2d calls `inertia`
inline constexpr float hull_inertia = hull_inertia_about_origin - hull_mass * (hull_centre_y * hull_centre_y);
inline constexpr float leg_mass = 0x1.23456ap-4f;      // 0.07111112
inline constexpr float leg_inertia = 0x1.d57c6cp-10f;  // 0.0017909470
inline constexpr float hull_inverse_mass = 1.0f / hull_mass;
inline constexpr float hull_inverse_inertia = 1.0f / hull_inertia;
inline constexpr float leg_inverse_mass = 1.0f / leg_mass;
inline constexpr float leg_inverse_inertia = 1.0f / leg_inertia;

// ---- Joints. A leg hangs on the hull's origin by a revolute joint with a motor and a limit.
inline constexpr float leg_away = 20.0f / 30.0f;
inline constexpr float leg_down = 18.0f / 30.0f;
inline constexpr float leg_first_angle = 0.05f;
inline constexpr float motor_speed = 0.3f;                         // rad/s
inline constexpr float largest_motor_impulse = time_step * 40.0f;  // N m s

// ---- Friction of a contact, the root of the product of both shapes' (b2MixFriction); every leg has 0.2.
inline constexpr float terrain_friction = 0.14142136f;  // sqrt(0.2 x 0.1)
inline constexpr float base_line_friction = 0.2f;       // sqrt(0.2 x 0.2)

// ---- The moon: ten edges between eleven points, and a straight line at y = 0 beneath them.
inline constexpr int terrain_points = 11;
inline constexpr int terrain_edges = terrain_points - 1;
inline constexpr int base_line = terrain_edges;  // its index among the edges
inline constexpr float edge_width = 2.0f;        // W / (CHUNKS - 1)

// ---- Indices of the bodies
inline constexpr int hull = 0;
inline constexpr int legs = 2;
// Gymnasium's legs[0] belongs to side -1 and legs[1] to side +1; their bodies are 1 and 2.
inline constexpr int bodies = 1 + legs;

}  // namespace lander
