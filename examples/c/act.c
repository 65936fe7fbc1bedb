/* Actions of a policy in plain C: eight numbers a line on stdin, an action a line on stdout.

       lander export models/lunarlander-v3/policy.onnx --format c --out policy.h
       cc -std=c99 -O2 act.c -o act -lm
       echo "0 1.4 0.1 -0.3 0 0 0 0" | ./act */
#include "policy.h"

#include <stdio.h>

static int read_observation(float observation[POLICY_OBSERVATIONS])
{
    for (int i = 0; i < POLICY_OBSERVATIONS; i++) {
        if (scanf("%f", &observation[i]) != 1) {
            return 0;
        }
    }
    return 1;
}

int main(void)
{
    float observation[POLICY_OBSERVATIONS];
    if (policy_self_test() != 0) {
        fprintf(stderr, "This compiler or machine does not reproduce the policy's golden vectors.\n");
        return 1;
    }
    while (read_observation(observation)) {
        printf("%d\n", policy_act(observation));
    }
    return 0;
}
