/* Nanoseconds of processor time an action with the header: observations from a file; those of each round on stdout. */
#define _POSIX_C_SOURCE 199309L
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int count, char **arguments)
{
    static float observations[10000][POLICY_OBSERVATIONS];
    FILE *file = count == 3 ? fopen(arguments[1], "rb") : NULL;
    const int rounds = count == 3 ? atoi(arguments[2]) : 0;
    volatile int sink = 0;
    if (file == NULL || fread(observations, sizeof observations, 1, file) != 1 || policy_self_test() != 0) {
        return 1;
    }
    for (int round = 0; round < rounds; round++) {
        struct timespec start, end;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
        for (int i = 0; i < 10000; i++) {
            sink += policy_act(observations[i]);
        }
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        printf("%.1f\n", ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / 10000);
    }
    return 0;
}
