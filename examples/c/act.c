/* Actions of a policy in plain C: eight numbers a line on stdin, an action a line on stdout. From the top folder of
   the checkout:

       lander export models/lunarlander-v3/policy.onnx --format c --out policy.h
       cc -std=c99 -O2 -I . examples/c/act.c -o act -lm
       echo "0 1.4 0.1 -0.3 0 0 0 0" | ./act */
#include "policy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* 0 at the end of stdin; what is no observation ends the program. */
static int read_observation(float observation[POLICY_OBSERVATIONS])
{
    for (int i = 0; i < POLICY_OBSERVATIONS; i++) {
        int found = scanf("%f", &observation[i]);
        if (found == EOF && i == 0) {
            return 0;
        }
        if (found != 1 || !isfinite(observation[i])) {
            fprintf(stderr, "Expected %d finite numbers for each observation; number %d is not one.\n", POLICY_OBSERVATIONS, i + 1);
            exit(2);
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
