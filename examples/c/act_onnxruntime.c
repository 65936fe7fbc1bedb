/* The same with the policy file itself, through ONNX Runtime's C interface; any policy that lander exports. From the
   top folder of the checkout, with an unpacked release of ONNX Runtime in ort/ (README.md beside this file):

       cc -std=c99 -O2 -I ort/include examples/c/act_onnxruntime.c -o act_onnxruntime -L ort/lib -lonnxruntime
       export LD_LIBRARY_PATH=ort/lib
       echo "0 1.4 0.1 -0.3 0 0 0 0" | ./act_onnxruntime models/lunarlander-v3/policy.onnx */
#include <onnxruntime_c_api.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { OBSERVATIONS = 8 };

static const OrtApi *ort;

static void check(OrtStatus *status)
{
    if (status != NULL) {
        fprintf(stderr, "%s\n", ort->GetErrorMessage(status));
        exit(1);
    }
}

/* 0 at the end of stdin; what is no observation ends the program. */
static int read_observation(float observation[OBSERVATIONS])
{
    for (int i = 0; i < OBSERVATIONS; i++) {
        int found = scanf("%f", &observation[i]);
        if (found == EOF && i == 0) {
            return 0;
        }
        if (found != 1 || !isfinite(observation[i])) {
            fprintf(stderr, "Expected %d finite numbers for each observation; number %d is not one.\n", OBSERVATIONS, i + 1);
            exit(2);
        }
    }
    return 1;
}

int main(int count, char **arguments)
{
    const char *input_names[] = {"obs"}, *output_names[] = {"action"};
    const int64_t shape[] = {1, OBSERVATIONS};
    float observation[OBSERVATIONS];
    OrtEnv *env;
    OrtSessionOptions *options;
    OrtSession *session;
    OrtMemoryInfo *memory;
    OrtValue *input;

    if (count != 2) {
        fprintf(stderr, "usage: act_onnxruntime POLICY.onnx\n");
        return 2;
    }
    /* 16: of ONNX Runtime 1.16, so that later ones will do too. */
    ort = OrtGetApiBase()->GetApi(16);
    if (ort == NULL) {
        fprintf(stderr, "This ONNX Runtime is older than 1.16.\n");
        return 4;
    }
    check(ort->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "lander", &env));
    check(ort->CreateSessionOptions(&options));
    /* For so small a network, waking a second thread takes longer than the products. */
    check(ort->SetIntraOpNumThreads(options, 1));
    check(ort->CreateSession(env, arguments[1], options, &session));
    check(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
    check(ort->CreateTensorWithDataAsOrtValue(memory, observation, sizeof observation, shape, 2,
                                              ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
    while (read_observation(observation)) {
        OrtValue *output = NULL;
        void *action;
        check(ort->Run(session, NULL, input_names, (const OrtValue *const *)&input, 1, output_names, 1, &output));
        check(ort->GetTensorMutableData(output, &action));
        printf("%lld\n", (long long)*(const int64_t *)action);
        ort->ReleaseValue(output);
    }
    ort->ReleaseValue(input);
    ort->ReleaseMemoryInfo(memory);
    ort->ReleaseSession(session);
    ort->ReleaseSessionOptions(options);
    ort->ReleaseEnv(env);
    return 0;
}
