// A batch of lanes and its step.
#pragma once

#include <algorithm>
#include <memory>

#include "episode/episode.hpp"
#include "mechanics/landing.hpp"
#include "mechanics/swing.hpp"
#include "mechanics/time_of_impact.hpp"
#include "workers.hpp"

namespace lander {

// Memory for vectors, which have to begin at a multiple of their size; the C++ runtime's aligned new works on Windows
// too, where there is no aligned_alloc.
template <class T>
using Array = std::unique_ptr<T[]>;

// Where one step reads from and writes to, arrays over all lanes.
struct Step {
  const std::int32_t* discrete;  // [lanes], or null
  const float* continuous;       // [lanes, 2], or null
  const std::uint8_t* active;    // [lanes], null for all; other lanes stay as they are
  float* observations;           // [lanes, 8]
  double* rewards;               // [lanes]
  std::uint8_t* terminated;      // [lanes]
  std::uint8_t* truncated;       // [lanes]

  bool is_active(int lane) const { return active == nullptr || active[lane] != 0; }
};

class Batch {
 public:
  Batch(int lanes, const Settings& settings, int threads)
      : lanes_(lanes),
        padded_lanes_((lanes + width - 1) / width * width),
        settings_(settings),
        blocks_(new Mechanics<Floats>[padded_lanes_ / width]),
        lane_(new Lane[padded_lanes_]()),
        throttle_(new Throttle[padded_lanes_ / width]),
        starts_(new Pose[padded_lanes_ * legs]()),
        swinging_(new std::uint64_t[padded_lanes_]()),
        landing_(new std::uint64_t[padded_lanes_]()),
        workers_(std::min(threads, padded_lanes_ / width)) {
    const Mechanics<Floats> still{};
    for (int block = 0; block < padded_lanes_ / width; ++block) {
      blocks_[block] = still;
      throttle_[block] = Throttle{};
    }
    for (int lane = 0; lane < padded_lanes_; ++lane) {
      lane_[lane].random = Pcg64::seeded(static_cast<std::uint64_t>(lane));
      lane_[lane].over = true;
    }
  }

  int lanes() const { return lanes_; }
  const Settings& settings() const { return settings_; }

  // From its next step on the lane draws what a generator of this seed draws.
  void seed(int lane, std::uint64_t seed) { lane_[lane].random = Pcg64::seeded(seed); }
  // The lane's next step begins an episode.
  void end_episode(int lane) { lane_[lane].over = true; }

  LaneRecord record(int lane) const {
    return lander::record(lane_[lane], column_of(blocks_[lane / width], lane % width));
  }
  void restore(int lane, const LaneRecord& record) {
    lander::restore(lane_[lane], record);
    set_column(blocks_[lane / width], lane % width, record.mechanics);
  }

  // One step of every active lane. A lane whose episode is over begins the next one instead, as Gymnasium's vector
  // environments do with AutoresetMode.NEXT_STEP: its action is ignored, its reward 0.
  void step(const Step& step) {
    const int blocks = padded_lanes_ / width, parts = workers_.count();
    workers_.run([&](int part) {
      this->step(step, static_cast<int>(static_cast<std::int64_t>(blocks) * part / parts),
                 static_cast<int>(static_cast<std::int64_t>(blocks) * (part + 1) / parts));
    });
  }

 private:
  // Lanes waiting for one solver; a lane's index is in the lower 32 bits of its entry.
  struct Queue {
    std::uint64_t* entries;
    int count;
    void add(std::uint64_t entry) { entries[count++] = entry; }
  };

  void step(const Step& step, int first_block, int last_block) {
    Queue swinging{&swinging_[first_block * width], 0}, landing{&landing_[first_block * width], 0};
    for (int block = first_block; block < last_block; ++block) {
      begin(step, block);
      meet_ground(step, block);
      fly(step, block, swinging, landing);
    }
    swing(swinging, landing);
    land(landing);
    for (int block = first_block; block < last_block; ++block) finish(step, block);
  }

  // New episodes, wind, engines, gravity.
  void begin(const Step& step, int block) {
    Mechanics<Floats>& mechanics = blocks_[block];
    alignas(64) float main[width] = {}, side[width] = {}, direction[width] = {}, d0[width] = {}, d1[width] = {};
    alignas(64) float force_x[width] = {}, force_y[width] = {}, torque[width] = {}, gravity[width] = {};
    for (int column = 0; column < width; ++column) {
      const int index = block * width + column;
      if (index >= lanes_ || !step.is_active(index)) continue;
      Lane& lane = lane_[index];
      const bool begins = lane.over;
      if (begins) {
        Mechanics<float> fresh;
        begin_episode(lane, fresh, settings_);
        set_column(mechanics, column, fresh);
      }
      if (settings_.enable_wind != 0) blow(lane, settings_);
      force_x[column] = lane.force.x;
      force_y[column] = lane.force.y;
      torque[column] = lane.torque;
      gravity[column] = settings_.gravity;
      lane.force = {0, 0};
      lane.torque = 0;
      d0[column] = static_cast<float>(lane.random.uniform(-1.0, 2.0) / 30.0);
      d1[column] = static_cast<float>(lane.random.uniform(-1.0, 2.0) / 30.0);
      if (begins) continue;
      if (step.discrete != nullptr) {
        const std::int32_t action = step.discrete[index];
        main[column] = action == 2 ? 1.0f : 0.0f;
        side[column] = action == 1 || action == 3 ? 1.0f : 0.0f;
        direction[column] = static_cast<float>(action - 2);
      } else {
        const float up = step.continuous[2 * index], across = step.continuous[2 * index + 1];
        main[column] = up > 0 ? 0.5f * (minimum(up, 1.0f) + 1.0f) : 0.0f;
        side[column] = absolute(across) > 0.5f ? minimum(absolute(across), 1.0f) : 0.0f;
        direction[column] = across < 0 ? -1.0f : 1.0f;
      }
    }
    const auto load = [](const float* from) { return *reinterpret_cast<const Floats*>(from); };
    throttle_[block] = {load(main), load(side), load(direction), {load(d0), load(d1)}};
    Body<Floats>& hull_b = mechanics.bodies[hull];
    fire(hull_b, throttle_[block]);
    hull_b.velocity.x += time_step * (hull_inverse_mass * load(force_x));
    hull_b.velocity.y += time_step * (load(gravity) + hull_inverse_mass * load(force_y));
    hull_b.spin += time_step * hull_inverse_inertia * load(torque);
    for (int leg = 0; leg < legs; ++leg) mechanics.bodies[1 + leg].velocity.y += time_step * load(gravity);
  }

  Pose pose_of(int index, int body) const {
    const Body<Floats>& b = blocks_[index / width].bodies[body];
    const int column = index % width;
    return {{b.position.x[column], b.position.y[column]}, b.angle[column]};
  }

  // Whether any part of the lander could come near the ground in this step.
  static bool near_ground(const Lane& lane, const Mechanics<Floats>& mechanics, int column) {
    if (lane.legs[0].count + lane.legs[1].count > 0) return true;
    constexpr float reach = 1.17f;   // from the hull's origin to the end of a leg: |(20, 18)| / 30 + leg_reach
    constexpr float margin = 0.35f;  // boxes are compared with 0.22; the rest is for joints that give
    const Body<Floats>& body = mechanics.bodies[hull];
    const float fall = minimum(time_step * body.velocity.y[column], 0.0f);
    const float drift = absolute(time_step * body.velocity.x[column]);
    const float lowest = body.position.y[column] - hull_centre_y + fall - reach - margin;
    const float x = body.position.x[column], half = reach + margin + hull_centre_y + drift;
    return lowest < lane.moon.highest(x - half, x + half);
  }

  // Contacts as they stand before the step.
  void meet_ground(const Step& step, int block) {
    for (int column = 0; column < width; ++column) {
      const int index = block * width + column;
      if (index >= lanes_ || !step.is_active(index)) continue;
      Lane& lane = lane_[index];
      lane.near_ground = near_ground(lane, blocks_[block], column);
      if (!lane.near_ground) continue;
      for (int leg = 0; leg < legs; ++leg) {
        const Pose pose = pose_of(index, 1 + leg);
        starts_[index * legs + leg] = pose;
        update_contacts(lane.legs[leg], lane.moon, pose);
      }
      if (hull_touches(lane.moon, pose_of(index, hull))) lane.hull_down = true;
    }
  }

  // Lanes that touch nothing and have both legs at a limit fly where they are, the others are queued: which way is
  // right for a lane depends on it alone, so company changes no bits.
  void fly(const Step& step, int block, Queue& swinging, Queue& landing) {
    const LimitSides sides = limit_sides(blocks_[block]);
    Mask elsewhere = mask(true);
    for (int column = 0; column < width; ++column) {
      const int index = block * width + column;
      if (index >= lanes_ || !step.is_active(index)) continue;
      Lane& lane = lane_[index];
      const int touching = (lane.legs[0].touching() ? 1 : 0) + (lane.legs[1].touching() ? 1 : 0);
      const int free = (sides.left[column] == 0 ? 1 : 0) + (sides.right[column] == 0 ? 1 : 0);
      if (touching == 0 && free == 0) {
        elsewhere[column] = 0;
      } else if (touching == 0 && free == legs) {
        swinging.add(static_cast<std::uint64_t>(index));
      } else {
        // A packet takes as long as its slowest lane, so alike goes beside alike.
        const int limits = (sides.left[column] != 0 ? 1 : 0) + (sides.right[column] != 0 ? 2 : 0);
        landing.add(static_cast<std::uint64_t>(lane.expected_sweeps / 16) << 40 |
                    static_cast<std::uint64_t>(limits) << 36 | static_cast<std::uint64_t>(touching) << 32 |
                    static_cast<std::uint64_t>(index));
      }
    }
    if (any(~elsewhere)) solve_flight(blocks_[block], elsewhere);
  }

  // The lane in a packet's column; the first one again where there is none, for the sake of finite numbers.
  static int lane_of(const Queue& queue, int first, int column) {
    const int place = first + column < queue.count ? first + column : first;
    return static_cast<int>(queue.entries[place] & 0xffffffffu);
  }

  void swing(const Queue& swinging, Queue& landing) {
    for (int first = 0; first < swinging.count; first += width) {
      Mechanics<Floats> packet;
      for (int column = 0; column < width; ++column) {
        const int index = lane_of(swinging, first, column);
        copy_column(blocks_[index / width], index % width, packet, column);
      }
      const Mask unsuitable = solve_swing(packet);
      for (int column = 0; column < width && first + column < swinging.count; ++column) {
        const int index = lane_of(swinging, first, column);
        if (unsuitable[column] != 0) {
          landing.add(static_cast<std::uint64_t>(index));
        } else {
          copy_column(packet, column, blocks_[index / width], index % width);
        }
      }
    }
  }

  void land(const Queue& landing) {
    if (landing.count > width) std::sort(landing.entries, landing.entries + landing.count);
    for (int first = 0; first < landing.count; first += width) {
      Packet packet{};
      for (int column = 0; column < width; ++column) {
        const int index = lane_of(landing, first, column);
        if (first + column < landing.count) {
          load(packet, column, blocks_[index / width], index % width, lane_[index].legs);
        } else {
          copy_column(blocks_[index / width], index % width, packet.mechanics, column);
          packet.empty[column] = -1;
        }
      }
      solve_landing(packet);
      for (int column = 0; column < width && first + column < landing.count; ++column) {
        const int index = lane_of(landing, first, column);
        copy_column(packet.mechanics, column, blocks_[index / width], index % width);
        lane_[index].expected_sweeps = static_cast<std::int32_t>(packet.sweeps[column]);
      }
    }
  }

  // Sleep, times of impact, and what the environment says of the step.
  void finish(const Step& step, int block) {
    Mechanics<Floats>& mechanics = blocks_[block];
    const Mask asleep = fall_asleep(step, block);
    for (int column = 0; column < width; ++column) {
      const int index = block * width + column;
      if (index >= lanes_ || !step.is_active(index)) continue;
      Lane& lane = lane_[index];
      lane.asleep = asleep[column] != 0;
      if (lane.near_ground && !lane.asleep) {
        for (int leg = 0; leg < legs; ++leg) stop_at_ground(index, leg);
        if (!lane.hull_down && hull_impact(lane.moon, pose_of(index, hull))) lane.hull_down = true;
      }
    }
    drop_negative_zeros(mechanics);
    const Rotation<Floats> turn = rotation(mechanics.bodies[hull].angle);
    for (int column = 0; column < width; ++column) {
      const int index = block * width + column;
      if (index >= lanes_ || !step.is_active(index)) continue;
      const Body<Floats>& b = mechanics.bodies[hull];
      const Body<float> body = {{b.position.x[column], b.position.y[column]},
                                b.angle[column],
                                {b.velocity.x[column], b.velocity.y[column]},
                                b.spin[column]};
      mechanics.warm_start[column] = 1.0f;
      conclude(lane_[index], body, {turn.sine[column], turn.cosine[column]},
               static_cast<double>(throttle_[block].main[column]), static_cast<double>(throttle_[block].side[column]),
               settings_,
               {step.observations + 8 * index, step.rewards + index, step.terminated + index, step.truncated + index});
    }
  }

  // A lander sleeps when all its bodies have been slow for half a second and its positions are solved.
  Mask fall_asleep(const Step& step, int block) {
    Mechanics<Floats>& mechanics = blocks_[block];
    const Floats zero = floats(0.0f);
    Mask active = mask(true);
    if (step.active != nullptr) {
      for (int column = 0; column < width; ++column) {
        const int index = block * width + column;
        active[column] = index < lanes_ && step.is_active(index) ? -1 : 0;
      }
    }
    Floats least = floats(1e9f);
    for (int i = 0; i < bodies; ++i) {
      const Body<Floats>& b = mechanics.bodies[i];
      const Mask moves = (b.spin * b.spin > floats(angular_sleep_tolerance * angular_sleep_tolerance)) |
                         (dot(b.velocity, b.velocity) > floats(linear_sleep_tolerance * linear_sleep_tolerance));
      const Floats time = select(moves, zero, mechanics.sleep_time[i] + time_step);
      mechanics.sleep_time[i] = select(active, time, mechanics.sleep_time[i]);
      least = minimum(least, time);
    }
    const Mask asleep = (least >= floats(time_to_sleep)) & (mechanics.positions_solved > zero) & active;
    if (any(asleep)) {
      for (Body<Floats>& b : mechanics.bodies) {
        b.velocity = select(asleep, {zero, zero}, b.velocity);
        b.spin = select(asleep, zero, b.spin);
      }
    }
    return asleep;
  }

  void stop_at_ground(int index, int leg) {
    Lane& lane = lane_[index];
    Body<Floats>& body = blocks_[index / width].bodies[1 + leg];
    const int column = index % width;
    const Pose start = starts_[index * legs + leg];
    Pose end = pose_of(index, 1 + leg);
    const float lowest = minimum(start.position.y, end.position.y) - leg_reach - impact_distance - impact_tolerance;
    const float left = minimum(start.position.x, end.position.x) - leg_reach;
    const float right = maximum(start.position.x, end.position.x) + leg_reach;
    if (lowest > lane.moon.highest(left, right)) return;
    Motion motion = {{body.velocity.x[column], body.velocity.y[column]}, body.spin[column]};
    solve_impacts(lane.legs[leg], lane.moon, start, end, motion);
    body.position.x[column] = end.position.x;
    body.position.y[column] = end.position.y;
    body.angle[column] = end.angle;
    body.velocity.x[column] = motion.velocity.x;
    body.velocity.y[column] = motion.velocity.y;
    body.spin[column] = motion.spin;
  }

  int lanes_, padded_lanes_;
  Settings settings_;
  Array<Mechanics<Floats>> blocks_;
  Array<Lane> lane_;
  Array<Throttle> throttle_;
  Array<Pose> starts_;                       // of the legs of lanes near the ground, before the step
  Array<std::uint64_t> swinging_, landing_;  // lanes that are solved in packets
  Workers workers_;
};

}  // namespace lander
