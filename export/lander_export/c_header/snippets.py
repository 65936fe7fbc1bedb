"""The functions of a header that are the same for every network, as templates.

`$name` stands for what all names begin with, `$NAME` for the same in capitals. C99 and C++14 at once, so no
`restrict`, no designated initialisers and no casts but of numbers.
"""

LAYER = """\
/* outputs = inputs x weights + bias; the weights have a row for each input. */
static inline void ${name}_layer(const float *weights, const float *bias, const float *in, float *out,
                                 int inputs, int outputs)
{
    for (int i = 0; i < outputs; i++) {
        out[i] = bias[i];
    }
    for (int j = 0; j < inputs; j++) {
        const float x = in[j];
        for (int i = 0; i < outputs; i++) {
            out[i] += weights[i] * x;
        }
        weights += outputs;
    }
}"""

EXP = """\
/* e to the power of x, off by less than 1e-7 of it, for x from -87 to 87: 2^power times a polynomial. */
static inline float ${name}_exp(float x)
{
    const float steps = x * 1.44269504f;
    const int power = (int)(steps < 0.0f ? steps - 0.5f : steps + 0.5f);
    /* ln 2 in two parts; the first has few bits, so that its products are exact. */
    const float rest = (x - (float)power * 0.693359375f) + (float)power * 2.12194440e-4f;
    float result = 0.00139262504f;
    float factor = 2.0f;
    int left = power < 0 ? -power : power;
    result = result * rest + 0.00836323295f;
    result = result * rest + 0.0416665524f;
    result = result * rest + 0.166665763f;
    result = result * rest + 0.5f;
    result = result * rest * rest + rest + 1.0f;
    while (left > 0) {
        if (left % 2 == 1) {
            result = power < 0 ? result / factor : result * factor;
        }
        factor *= factor;
        left /= 2;
    }
    return result;
}"""

OWN_TANH = """\
/* Within 2 units in the last place of every float32. */
static inline float ${name}_tanh(float x)
{
    const float size = x < 0.0f ? -x : x;
    if (size < 0.6f) {
        const float square = x * x;
        float result = -0.00626911968f;
        result = result * square + 0.0211109594f;
        result = result * square - 0.0538739488f;
        result = result * square + 0.133329153f;
        result = result * square - 0.333333313f;
        return result * square * x + x;
    }
    if (size < 9.1f) {
        const float result = 1.0f - 2.0f / (${name}_exp(2.0f * size) + 1.0f);
        return x < 0.0f ? -result : result;
    }
    /* The last x is NaN. */
    return x < 0.0f ? -1.0f : x > 0.0f ? 1.0f : x;
}"""

TANH = """\
#ifndef ${NAME}_TANH
#ifdef ${NAME}_OWN_TANH
$own
#define ${NAME}_TANH ${name}_tanh
#else
#include <math.h>
#define ${NAME}_TANH tanhf
#endif
#endif"""
"""`$own` is what an own tanh needs: itself, and the exponential function where nothing else does."""

ELU = """\
/* e^x - 1 is 2 t / (1 - t) where t is the hyperbolic tangent of x / 2: exact near 0 too. */
static inline float ${name}_elu(float x, float alpha)
{
    if (x < 0.0f) {
        const float t = ${NAME}_TANH(0.5f * x);
        return alpha * (2.0f * t / (1.0f - t));
    }
    return x;
}"""

SIGMOID = """\
static inline float ${name}_sigmoid(float x)
{
    const float size = x < 0.0f ? -x : x;
    /* What is left beyond 87 is below the smallest normal number. */
    const float e = size < 87.0f ? ${name}_exp(-size) : size >= 87.0f ? 0.0f : x;
    return x < 0.0f ? e / (1.0f + e) : 1.0f / (1.0f + e);
}"""

LARGEST = """\
/* Which number is the largest; of equal ones the first. */
static inline int ${name}_largest(const float *numbers, int count)
{
    int found = 0;
    for (int i = 1; i < count; i++) {
        found = numbers[i] > numbers[found] ? i : found;
    }
    return found;
}"""

ACT_DISCRETE = """\
/* The greedy action, 0 to ${NAME}_LOGITS - 1. */
static inline int ${name}_act(const float observation[${NAME}_OBSERVATIONS])
{
    float logits[${NAME}_LOGITS];
    ${name}_logits(observation, logits);
    return ${name}_largest(logits, ${NAME}_LOGITS);
}"""

ACT_MULTI_DISCRETE = """\
/* The greedy action: one choice from each block of logits. */
static inline void ${name}_act(const float observation[${NAME}_OBSERVATIONS], int action[${NAME}_ACTIONS])
{
    float logits[${NAME}_LOGITS];
    const float *block = logits;
    ${name}_logits(observation, logits);
    for (int k = 0; k < ${NAME}_ACTIONS; k++) {
        action[k] = ${name}_largest(block, ${name}_choices[k]);
        block += ${name}_choices[k];
    }
}"""

ACT_CONTINUOUS = """\
/* The greedy action: the mean, within the bounds of the environment. */
static inline void ${name}_act(const float observation[${NAME}_OBSERVATIONS], float action[${NAME}_ACTIONS])
{
    ${name}_mean(observation, action);$ending
}"""

DIFFERENCE = """\
/* The largest |found - expected| / scale of a row; NaN where a number is none. */
static inline float ${name}_row_difference(const float *found, const float *expected, const float *scale,
                                           int count)
{
    float worst = 0.0f;
    for (int i = 0; i < count; i++) {
        const float gap = found[i] - expected[i];
        const float part = (gap < 0.0f ? -gap : gap) / scale[i];
        if (!(part <= worst)) {
            worst = part;
        }
        if (!(part >= 0.0f)) {
            break;
        }
    }
    return worst;
}

/* The same of golden vector g, 0 to ${NAME}_GOLDEN - 1; at most ${NAME}_TOLERANCE where all is well. */
static inline float ${name}_difference(int g)
{
    float found[$outputs];
    ${name}_$function(${name}_golden_observations[g], found);
    return ${name}_row_difference(found, ${name}_golden_$function[g], ${name}_golden_scale[g], $outputs);
}"""

BEST = """\
/* Whether an action is the best by these golden logits, or tied with it by what rounding may change. */
static inline int ${name}_is_best(int action, const float *logits, const float *scale, int count)
{
    for (int i = 0; i < count; i++) {
        if (logits[i] - logits[action] > ${NAME}_TOLERANCE * (scale[i] + scale[action])) {
            return 0;
        }
    }
    return 1;
}"""

RIGHT_DISCRETE = """\
static inline int ${name}_action_is_right(int g)
{
    return ${name}_is_best(${name}_act(${name}_golden_observations[g]), ${name}_golden_logits[g],
                           ${name}_golden_scale[g], ${NAME}_LOGITS);
}"""

RIGHT_MULTI_DISCRETE = """\
static inline int ${name}_action_is_right(int g)
{
    int action[${NAME}_ACTIONS];
    int start = 0;
    ${name}_act(${name}_golden_observations[g], action);
    for (int k = 0; k < ${NAME}_ACTIONS; k++) {
        if (!${name}_is_best(action[k], ${name}_golden_logits[g] + start, ${name}_golden_scale[g] + start,
                             ${name}_choices[k])) {
            return 0;
        }
        start += ${name}_choices[k];
    }
    return 1;
}"""

RIGHT_CONTINUOUS = """\
static inline int ${name}_action_is_right(int g)
{
    float action[${NAME}_ACTIONS];
    ${name}_act(${name}_golden_observations[g], action);
    return ${name}_row_difference(action, ${name}_golden_action[g], ${name}_golden_action_scale[g],
                                  ${NAME}_ACTIONS) <= ${NAME}_TOLERANCE;
}"""

SELF_TEST = """\
/* How many golden vectors this program does not reproduce: 0 where all is well. */
static inline int ${name}_self_test(void)
{
    int failed = 0;
    for (int g = 0; g < ${NAME}_GOLDEN; g++) {
        failed += !(${name}_difference(g) <= ${NAME}_TOLERANCE && ${name}_action_is_right(g));
    }
    return failed;
}"""
