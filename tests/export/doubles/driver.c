/* Reads observations from stdin and writes outputs and actions to stdout, all as float32. */
#include "policy.h"

#include <stdio.h>

#ifdef POLICY_LOGITS
#define OUTPUTS POLICY_LOGITS
#define FORWARD policy_logits
#else
#define OUTPUTS POLICY_ACTIONS
#define FORWARD policy_mean
#endif

static void act(const float *observation, float *action)
{
#if !defined(POLICY_ACTIONS)
    action[0] = (float)policy_act(observation);
#elif defined(POLICY_LOGITS)
    int chosen[POLICY_ACTIONS];
    policy_act(observation, chosen);
    for (int i = 0; i < POLICY_ACTIONS; i++) {
        action[i] = (float)chosen[i];
    }
#else
    policy_act(observation, action);
#endif
}

#ifndef POLICY_ACTIONS
#define POLICY_ACTIONS 1
#endif

int main(void)
{
    float observation[POLICY_OBSERVATIONS];
    float written[OUTPUTS + POLICY_ACTIONS];
    for (int g = 0; g < POLICY_GOLDEN; g++) {
        fprintf(stderr, "%.9g\n", (double)policy_difference(g));
    }
    while (fread(observation, sizeof(float), POLICY_OBSERVATIONS, stdin) == POLICY_OBSERVATIONS) {
        FORWARD(observation, written);
        act(observation, written + OUTPUTS);
        fwrite(written, sizeof(float), OUTPUTS + POLICY_ACTIONS, stdout);
    }
    return policy_self_test();
}
