/* The same through ONNX Runtime's C interface, with the input and the output bound once. */
#define _POSIX_C_SOURCE 199309L
#include <onnxruntime_c_api.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const OrtApi *ort;

static void check(OrtStatus *status)
{
    if (status != NULL) {
        fprintf(stderr, "%s\n", ort->GetErrorMessage(status));
        exit(1);
    }
}

int main(int count, char **arguments)
{
    static float observations[10000][8];
    const char *input_names[] = {"obs"}, *output_names[] = {"action"};
    const int64_t in_shape[] = {1, 8}, out_shape[] = {1};
    float observation[8];
    int64_t action = 0;
    volatile int64_t sink = 0;
    OrtEnv *env;
    OrtSessionOptions *options;
    OrtSession *session;
    OrtMemoryInfo *memory;
    OrtValue *input, *output;
    FILE *file = count == 4 ? fopen(arguments[1], "rb") : NULL;
    const int rounds = count == 4 ? atoi(arguments[2]) : 0;
    if (file == NULL || fread(observations, sizeof observations, 1, file) != 1) {
        return 1;
    }
    ort = OrtGetApiBase()->GetApi(16);
    check(ort->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "lander", &env));
    check(ort->CreateSessionOptions(&options));
    check(ort->SetIntraOpNumThreads(options, 1));
    check(ort->CreateSession(env, arguments[3], options, &session));
    check(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
    check(ort->CreateTensorWithDataAsOrtValue(memory, observation, sizeof observation, in_shape, 2,
                                              ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
    check(ort->CreateTensorWithDataAsOrtValue(memory, &action, sizeof action, out_shape, 1,
                                              ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, &output));
    for (int round = 0; round < rounds; round++) {
        struct timespec start, end;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
        for (int i = 0; i < 10000; i++) {
            memcpy(observation, observations[i], sizeof observation);
            check(ort->Run(session, NULL, input_names, (const OrtValue *const *)&input, 1, output_names, 1, &output));
            sink += action;
        }
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        printf("%.1f\n", ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / 10000);
    }
    return 0;
}
