// The polygons of hull and leg, and the edges of the moon.
#pragma once

#include "mechanics/state.hpp"

namespace lander {

using Point = Vec2<float>;

// Where a body is: its centre of mass and its turn.
struct Pose {
  Point position;
  float angle;
};

LANDER_INLINE Pose between(Pose start, Pose end, float share) {
  return {start.position + share * (end.position - start.position), start.angle + share * (end.angle - start.angle)};
}

// A convex polygon in the frame of its body's centre of mass, counterclockwise; normal i belongs to the edge from
// vertex i to the next one.
template <int N>
struct Polygon {
  static constexpr int count = N;
  Point vertices[N];
  Point normals[N];
};

inline constexpr Polygon<4> leg_shape = {
    {{-2.0f / 30, -8.0f / 30}, {2.0f / 30, -8.0f / 30}, {2.0f / 30, 8.0f / 30}, {-2.0f / 30, 8.0f / 30}},
    {{0, -1}, {1, 0}, {0, 1}, {-1, 0}},
};

// LANDER_POLY, with the order that b2PolygonShape::Set gives it. The slanting sides go 3 across for 17 up.
inline constexpr float slant_x = 0.98478353f;  // 17 / sqrt(298)
inline constexpr float slant_y = 0.17378533f;  //  3 / sqrt(298)
inline constexpr Polygon<6> hull_shape = {
    {{17.0f / 30, -10.0f / 30 - hull_centre_y},
     {17.0f / 30, -hull_centre_y},
     {14.0f / 30, 17.0f / 30 - hull_centre_y},
     {-14.0f / 30, 17.0f / 30 - hull_centre_y},
     {-17.0f / 30, -hull_centre_y},
     {-17.0f / 30, -10.0f / 30 - hull_centre_y}},
    {{1, 0}, {slant_x, slant_y}, {0, 1}, {-slant_x, slant_y}, {-1, 0}, {0, -1}},
};

// No point of a body is further from its centre of mass than this.
inline constexpr float leg_reach = 0.275f;  // sqrt(2^2 + 8^2) / 30
inline constexpr float hull_reach = 0.72f;

template <int N>
struct PlacedPolygon {
  Point centre;
  Point vertices[N];
  Point normals[N];
};

template <int N>
LANDER_INLINE PlacedPolygon<N> place(const Polygon<N>& shape, const Pose& pose) {
  const Rotation<float> turn = rotation(pose.angle);
  PlacedPolygon<N> placed;
  placed.centre = pose.position;
  for (int i = 0; i < N; ++i) {
    placed.vertices[i] = pose.position + rotate(turn, shape.vertices[i]);
    placed.normals[i] = rotate(turn, shape.normals[i]);
  }
  return placed;
}

struct Edge {
  Point start, end;
};

// The moon of one episode.
struct Moon {
  float heights[terrain_points];  // m, at x = 0, 2, ..., 20

  Edge edge(int index) const {
    if (index == base_line) return {{0, 0}, {terrain_edges * edge_width, 0}};
    const float x = edge_width * static_cast<float>(index);
    return {{x, heights[index]}, {x + edge_width, heights[index + 1]}};
  }

  // The terrain edges below [low, high], at most the whole terrain; none where first > last.
  struct Range {
    int first, last;
  };
  static Range edges_below(float low, float high) {
    const auto index = [](float x) {
      const float inside = clamp(x, -edge_width, (terrain_edges + 1) * edge_width);
      return static_cast<int>(inside * (1.0f / edge_width) + 1.0f) - 1;  // rounds down, from -1 to 11
    };
    const int first = index(low), last = index(high);
    return {first < 0 ? 0 : first, last < terrain_edges ? last : terrain_edges - 1};
  }

  // The highest point of the edges below [low, high]; 0, the base line, where there are none.
  float highest(float low, float high) const {
    const Range range = edges_below(low, high);
    float top = 0;
    for (int i = range.first; i <= range.last; ++i) top = maximum(top, maximum(heights[i], heights[i + 1]));
    return top;
  }
};

}  // namespace lander
