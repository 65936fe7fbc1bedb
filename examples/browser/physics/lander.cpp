// Gymnasium's LunarLander on Box2D's public interface: the moon, the lander, its two legs, the engines' impulses
// and the wind, in the order in which lunar_lander.py (Gymnasium 1.4) makes and applies them. The order decides
// the bits: Box2D solves joints and contacts in the order of their creation.
//
// Rewards, seeds and the end of an episode are rules of the game and not physics: lunar_lander.js has them.
// Python computes in double and Box2D in float, so every number is a double until Box2D takes it.

#include <Box2D/Box2D.h>

#include <new>

#include "memory.h"
#include "trigonometry.h"

namespace {

constexpr double frames_per_second = 50.0;
constexpr double scale = 30.0;  // pixels a metre
constexpr double width = 600.0 / scale, height = 400.0 / scale;  // of the picture, in metres
constexpr double pad_height = height / 4.0;
constexpr double main_engine_power = 13.0, side_engine_power = 0.6;
constexpr int chunks = 11;  // points of the ground

constexpr uint16 lander_category = 0x0010, leg_category = 0x0020, ground_category = 0x0001;

b2World* world = nullptr;
b2Body *lander = nullptr, *legs[2] = {nullptr, nullptr};
bool body_touched = false, leg_touches[2] = {false, false};

struct Wind {
    bool blows;
    double power, turbulence;
    double wind_index, torque_index;
} wind = {};

double heights[chunks + 1];  // as drawn at random
double ground[chunks];       // smoothed, with the pad in the middle
// Position, velocity, angle, angular velocity, two contacts, body touched, awake; then x, y, angle of each leg.
double state[16];

struct Contacts : b2ContactListener {
    void BeginContact(b2Contact* contact) override {
        if (takes_part(lander, contact)) body_touched = true;
        for (int i = 0; i < 2; i++)
            if (takes_part(legs[i], contact)) leg_touches[i] = true;
    }
    // Also when the leg still touches another edge of the ground: so it is in Gymnasium.
    void EndContact(b2Contact* contact) override {
        for (int i = 0; i < 2; i++)
            if (takes_part(legs[i], contact)) leg_touches[i] = false;
    }
    static bool takes_part(b2Body* body, b2Contact* contact) {
        return body == contact->GetFixtureA()->GetBody() || body == contact->GetFixtureB()->GetBody();
    }
} contacts;

b2Vec2 vector(double x, double y) { return b2Vec2(static_cast<float>(x), static_cast<float>(y)); }

void make_moon() {
    for (int i = chunks / 2 - 2; i <= chunks / 2 + 2; i++) heights[i] = pad_height;
    for (int i = 0; i < chunks; i++)
        // Python's height[-1] is the last one.
        ground[i] = 0.33 * (heights[(i + chunks) % (chunks + 1)] + heights[i] + heights[i + 1]);
    b2BodyDef definition;
    b2Body* moon = world->CreateBody(&definition);
    b2EdgeShape edge;
    b2FixtureDef fixture;
    fixture.shape = &edge;
    edge.Set(vector(0, 0), vector(width, 0));
    moon->CreateFixture(&fixture);
    fixture.friction = 0.1f;
    for (int i = 0; i < chunks - 1; i++) {
        edge.Set(vector(width / (chunks - 1) * i, ground[i]), vector(width / (chunks - 1) * (i + 1), ground[i + 1]));
        moon->CreateFixture(&fixture);
    }
}

void make_lander() {
    constexpr double corners[6][2] = {{-14, 17}, {-17, 0}, {-17, -10}, {17, -10}, {17, 0}, {14, 17}};
    b2Vec2 vertices[6];
    for (int i = 0; i < 6; i++) vertices[i] = vector(corners[i][0] / scale, corners[i][1] / scale);
    b2BodyDef definition;
    definition.type = b2_dynamicBody;
    definition.position = vector(width / 2, height);
    lander = world->CreateBody(&definition);
    b2PolygonShape shape;
    shape.Set(vertices, 6);
    b2FixtureDef fixture;
    fixture.shape = &shape;
    fixture.density = 5.0f;
    fixture.friction = 0.1f;
    fixture.filter.categoryBits = lander_category;
    fixture.filter.maskBits = ground_category;
    lander->CreateFixture(&fixture);
}

b2Body* make_leg(int side) {
    b2BodyDef definition;
    definition.type = b2_dynamicBody;
    definition.position = vector(width / 2 - side * 20 / scale, height);
    definition.angle = static_cast<float>(side * 0.05);
    b2Body* leg = world->CreateBody(&definition);
    b2PolygonShape shape;
    shape.SetAsBox(static_cast<float>(2 / scale), static_cast<float>(8 / scale));
    b2FixtureDef fixture;
    fixture.shape = &shape;
    fixture.density = 1.0f;
    fixture.filter.categoryBits = leg_category;
    fixture.filter.maskBits = ground_category;
    leg->CreateFixture(&fixture);
    b2RevoluteJointDef joint;
    joint.bodyA = lander;
    joint.bodyB = leg;
    joint.localAnchorB = vector(side * 20 / scale, 18 / scale);
    // Box2D's default is 0; its Python wrapper takes the angle between the bodies as they stand.
    joint.referenceAngle = leg->GetAngle() - lander->GetAngle();
    joint.enableMotor = joint.enableLimit = true;
    joint.maxMotorTorque = 40.0f;
    joint.motorSpeed = static_cast<float>(0.3 * side);
    joint.lowerAngle = static_cast<float>(side < 0 ? 0.9 - 0.5 : -0.9);
    joint.upperAngle = static_cast<float>(side < 0 ? 0.9 : -0.9 + 0.5);
    world->CreateJoint(&joint);
    return leg;
}

// Never repeats itself: the periods of the two sines have no common multiple.
double gust(double index, double power) {
    constexpr double pi = 3.141592653589793;
    return hyperbolic_tangent(sine(0.02 * index) + sine(pi * 0.01 * index)) * power;
}

void blow() {
    if (!wind.blows || leg_touches[0] || leg_touches[1]) return;
    lander->ApplyForceToCenter(vector(gust(wind.wind_index++, wind.power), 0), true);
    lander->ApplyTorque(static_cast<float>(gust(wind.torque_index++, wind.turbulence)), true);
}

// main: 0 or 0.5 to 1. side: likewise, towards `direction`, -1 or 1. noise: two numbers from -1 to 1.
void fire(double main, int direction, double side, double noise_0, double noise_1) {
    const double angle = lander->GetAngle(), noise[2] = {noise_0 / scale, noise_1 / scale};
    const double tip[2] = {sine(angle), cosine(angle)}, across[2] = {-tip[1], tip[0]};
    const b2Vec2 at = lander->GetPosition();
    if (main > 0) {
        const double x = tip[0] * (4 / scale + 2 * noise[0]) + across[0] * noise[1];
        const double y = -tip[1] * (4 / scale + 2 * noise[0]) - across[1] * noise[1];
        lander->ApplyLinearImpulse(vector(-x * main_engine_power * main, -y * main_engine_power * main),
                                   vector(at.x + x, at.y + y), true);
    }
    if (side > 0) {
        const double reach = 3 * noise[1] + direction * 12 / scale;
        const double x = tip[0] * noise[0] + across[0] * reach;
        const double y = -tip[1] * noise[0] - across[1] * reach;
        // 17 and 14: Gymnasium's own slip, kept since it is the environment that policies know.
        lander->ApplyLinearImpulse(vector(-x * side_engine_power * side, -y * side_engine_power * side),
                                   vector(at.x + x - tip[0] * 17 / scale, at.y + y + tip[1] * 14 / scale), true);
    }
}

void read_state() {
    const b2Vec2 position = lander->GetPosition(), velocity = lander->GetLinearVelocity();
    const double now[16] = {
        position.x, position.y, velocity.x, velocity.y, lander->GetAngle(), lander->GetAngularVelocity(),
        leg_touches[0] ? 1.0 : 0.0, leg_touches[1] ? 1.0 : 0.0, body_touched ? 1.0 : 0.0,
        lander->IsAwake() ? 1.0 : 0.0,
        legs[0]->GetPosition().x, legs[0]->GetPosition().y, legs[0]->GetAngle(),
        legs[1]->GetPosition().x, legs[1]->GetPosition().y, legs[1]->GetAngle(),
    };
    for (int i = 0; i < 16; i++) state[i] = now[i];
}

alignas(b2World) char world_memory[sizeof(b2World)];

}  // namespace

extern "C" {

double* random_heights() { return heights; }
double* ground_heights() { return ground; }
double* state_numbers() { return state; }

// A new moon from `random_heights`, and the lander above it with its first push.
void reset(double gravity, double force_x, double force_y) {
    forget_all_memory();
    world = new (world_memory) b2World(vector(0, gravity));
    world->SetContactListener(&contacts);
    body_touched = leg_touches[0] = leg_touches[1] = false;
    lander = legs[0] = legs[1] = nullptr;
    wind.blows = false;
    make_moon();
    make_lander();
    lander->ApplyForceToCenter(vector(force_x, force_y), true);
    legs[0] = make_leg(-1);
    legs[1] = make_leg(+1);
}

// After `reset`, where the wind blows.
void set_wind(double power, double turbulence, double wind_index, double torque_index) {
    wind = {true, power, turbulence, wind_index, torque_index};
}

// A fiftieth of a second.
void step(double main, int direction, double side, double noise_0, double noise_1) {
    blow();
    fire(main, direction, side, noise_0, noise_1);
    world->Step(static_cast<float>(1.0 / frames_per_second), 6 * 30, 2 * 30);
    read_state();
}

}  // extern "C"
