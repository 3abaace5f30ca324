/* Uses lmspt.h as a C program does: loads the plan file of its argument, runs it on 1, 2, 3, ... and prints the first
 * output; then prints the refusals. */
#include <stdio.h>
#include <stdlib.h>

#include "lmspt.h"

static void print_refusal(const char* name, int status) {
  printf("%s: %d %s\n", name, status, lmspt_last_error());
}

int main(int argc, char** argv) {
  lmspt_device* device;
  lmspt_plan* plan;
  lmspt_port input, output;
  if (argc != 2 || lmspt_cpu_open(NULL, 1, &device) || lmspt_plan_load(device, argv[1], &plan)) {
    fprintf(stderr, "%s\n", lmspt_last_error());
    return 1;
  }
  printf("%d input, %d output\n", lmspt_plan_inputs(plan, &input, 1), lmspt_plan_outputs(plan, &output, 1));
  printf("%s of %d dimensions -> %s\n", input.name, (int)input.rank, output.name);
  float* x = malloc(input.count * sizeof(float));
  float* y = malloc(output.count * sizeof(float));
  for (int64_t i = 0; i < input.count; ++i) x[i] = (float)(i + 1);
  const void* inputs[] = {x};
  void* outputs[] = {y};
  if (lmspt_plan_run(plan, inputs, outputs)) return 1;
  for (int64_t i = 0; i < output.count; ++i) printf("%g ", y[i]);
  printf("\n");

  const void* nothing[] = {NULL};
  lmspt_plan* none = NULL;
  lmspt_device* no_device = NULL;
  print_refusal("no memory", lmspt_plan_run(plan, nothing, outputs));
  print_refusal("no plan", lmspt_plan_run(NULL, inputs, outputs));
  print_refusal("no device", lmspt_plan_load(NULL, argv[1], &none));
  print_refusal("no file", lmspt_plan_load(device, "absent.plan", &none));
  print_refusal("not a plan", lmspt_plan_load(device, argv[0], &none));
  print_refusal("threads", lmspt_cpu_open(NULL, -1, &no_device));
  print_refusal("variant", lmspt_cpu_open("x87", 1, &no_device));
  print_refusal("library", lmspt_cuda_open("absent", 0, &no_device));
  if (none || no_device) return 1;
  free(x);
  free(y);
  lmspt_plan_close(plan);
  lmspt_device_close(device);
  return 0;
}
