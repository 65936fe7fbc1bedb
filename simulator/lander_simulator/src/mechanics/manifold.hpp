// Where a polygon touches an edge: Box2D's manifold of one or two points (b2CollideEdge.cpp, b2EPCollider).
//
// The edges of the moon know nothing of their neighbours, so that class's adjacency rules fall away: of an open edge
// both limits of the normal are the reverse of the edge's own, and every axis of the polygon is admitted.
#pragma once

#include "mechanics/shapes.hpp"

namespace lander {

// What a manifold's reference face belongs to; the points are those of the other shape.
enum class Reference : std::int32_t { edge = 0, polygon = 1 };

struct Manifold {
  std::int32_t point_count;  // 0, 1 or 2
  std::int32_t feature[2];   // which vertices and faces meet in a point: by it a point is known again next step
  Reference reference;
  Point normal;           // from the moon to the body, world
  Point face_normal;      // of the reference face, in the frame of what it belongs to
  Point face_point;       // a point of that face, in the same frame
  Point local_points[2];  // the other shape's points, in its frame
  Point world_points[2];  // half way between the two skins
};

namespace detail {

struct ClipPoint {
  Point position;
  std::int32_t feature;
};

// The four parts of b2ContactFeature: indices of the two features and whether each is a vertex (0) or a face (1).
constexpr std::int32_t feature(int edge_index, int polygon_index, int edge_is_face, int polygon_is_face) {
  return edge_index | polygon_index << 8 | edge_is_face << 16 | polygon_is_face << 24;
}
inline constexpr std::int32_t polygon_reference = 1 << 30;

// Sutherland and Hodgman: what of the segment lies behind the line normal . p = offset (b2ClipSegmentToLine).
inline int clip(const ClipPoint in[2], Point normal, float offset, int reference_vertex, ClipPoint out[2]) {
  const float distance[2] = {dot(normal, in[0].position) - offset, dot(normal, in[1].position) - offset};
  int count = 0;
  for (int i = 0; i < 2; ++i) {
    if (distance[i] <= 0) out[count++] = in[i];
  }
  if (distance[0] * distance[1] < 0) {
    const float share = distance[0] / (distance[0] - distance[1]);
    out[count].position = in[0].position + share * (in[1].position - in[0].position);
    out[count].feature = feature(reference_vertex, in[0].feature >> 8 & 0xff, 0, 1);
    ++count;
  }
  return count;
}

}  // namespace detail

// The edge's normal on the side of `point`.
LANDER_INLINE Point edge_normal(const Edge& edge, Point point) {
  const Point along = edge.end - edge.start;
  const float inverse_length = 1.0f / square_root(dot(along, along));
  const Point right = {inverse_length * along.y, -(inverse_length * along.x)};
  return dot(right, point - edge.start) >= 0 ? right : -right;
}

// The least distance of the polygon's vertices from the edge's line, positive on the side of the normal.
template <int N>
LANDER_INLINE float edge_separation(const PlacedPolygon<N>& polygon, const Edge& edge, Point normal) {
  float least = dot(normal, polygon.vertices[0] - edge.start);
  for (int i = 1; i < N; ++i) least = minimum(least, dot(normal, polygon.vertices[i] - edge.start));
  return least;
}

// The least distance of the edge's ends from the line of the polygon's side i, positive outside.
template <int N>
LANDER_INLINE float side_separation(const PlacedPolygon<N>& polygon, int i, const Edge& edge) {
  const Point inward = -polygon.normals[i];
  return minimum(dot(inward, polygon.vertices[i] - edge.start), dot(inward, polygon.vertices[i] - edge.end));
}

// The manifold of an edge and a polygon placed at `pose`; `shape` is the same polygon in its body's frame.
template <int N>
Manifold collide(const PlacedPolygon<N>& polygon, const Polygon<N>& shape, const Pose& pose, const Edge& edge) {
  Manifold manifold{};
  const Point along = edge.end - edge.start;
  const Point normal = edge_normal(edge, polygon.centre);
  const bool front = cross(along, normal) < 0;  // right of the edge's direction, as Box2D has it

  // Separating axes: the edge's normal, then each side's.
  const float by_edge = edge_separation(polygon, edge, normal);
  if (by_edge > touching_distance) return manifold;
  int side = 0;
  float by_side = side_separation(polygon, 0, edge);
  for (int i = 1; i < N; ++i) {
    const float separation = side_separation(polygon, i, edge);
    if (separation > by_side) {
      by_side = separation;
      side = i;
    }
  }
  if (by_side > touching_distance) return manifold;

  // The reference face is that of the largest separation, with a preference for the edge against flicker.
  const bool polygon_is_reference = by_side > 0.98f * by_edge + 0.001f;
  detail::ClipPoint incident[2];
  Point first, second, face;  // ends and normal of the reference face
  int first_vertex, second_vertex;
  if (polygon_is_reference) {
    const std::int32_t feature = detail::feature(0, side, 0, 1);
    incident[0] = {edge.start, feature};
    incident[1] = {edge.end, feature};
    first_vertex = side;
    second_vertex = side + 1 < N ? side + 1 : 0;
    first = polygon.vertices[first_vertex];
    second = polygon.vertices[second_vertex];
    face = polygon.normals[side];
  } else {
    int opposite = 0;  // the side that faces the edge most squarely
    float least = dot(normal, polygon.normals[0]);
    for (int i = 1; i < N; ++i) {
      const float cosine = dot(normal, polygon.normals[i]);
      if (cosine < least) {
        least = cosine;
        opposite = i;
      }
    }
    const int next = opposite + 1 < N ? opposite + 1 : 0;
    incident[0] = {polygon.vertices[opposite], detail::feature(0, opposite, 1, 0)};
    incident[1] = {polygon.vertices[next], detail::feature(0, next, 1, 0)};
    first_vertex = front ? 0 : 1;
    second_vertex = front ? 1 : 0;
    first = front ? edge.start : edge.end;
    second = front ? edge.end : edge.start;
    face = normal;
  }

  // The incident segment, cut off where the reference face ends.
  const Point sideways = {face.y, -face.x};
  detail::ClipPoint once[2], clipped[2];
  if (detail::clip(incident, sideways, dot(sideways, first), first_vertex, once) < 2) return manifold;
  if (detail::clip(once, -sideways, dot(-sideways, second), second_vertex, clipped) < 2) return manifold;

  manifold.reference = polygon_is_reference ? Reference::polygon : Reference::edge;
  manifold.normal = polygon_is_reference ? -face : face;
  manifold.face_normal = polygon_is_reference ? shape.normals[side] : face;
  manifold.face_point = polygon_is_reference ? shape.vertices[side] : first;
  const Rotation<float> turn = rotation(pose.angle);
  for (int i = 0; i < 2; ++i) {
    const Point point = clipped[i].position;
    const float separation = dot(face, point - first);
    if (separation > touching_distance) continue;
    const int n = manifold.point_count++;
    manifold.world_points[n] = point + (-0.5f * separation) * face;
    manifold.local_points[n] = polygon_is_reference ? point : rotate_back(turn, point - pose.position);
    manifold.feature[n] = clipped[i].feature + (polygon_is_reference ? detail::polygon_reference : 0);
  }
  return manifold;
}

}  // namespace lander
