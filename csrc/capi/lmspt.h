/* lmspt from C: load an exported plan and run it, without Node. Functions return 0 or a negative code; the message of
 * the last failure on the calling thread is lmspt_last_error(). A device and its plans are used from one thread at a
 * time. */
#ifndef LMSPT_H
#define LMSPT_H

#include <stdint.h>

#if defined(_WIN32)
#define LMSPT_API __declspec(dllexport)
#else
#define LMSPT_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lmspt_device lmspt_device;
typedef struct lmspt_plan lmspt_plan;

typedef enum {
  LMSPT_OK = 0,
  LMSPT_INVALID_ARGUMENT = -1,
  LMSPT_FORMAT = -2,
  LMSPT_IO = -3,
  LMSPT_DEVICE = -4,
  LMSPT_OUT_OF_MEMORY = -5,
  LMSPT_UNSUPPORTED = -6
} lmspt_status;

typedef enum { LMSPT_F32 = 0, LMSPT_I32 = 1 } lmspt_dtype;

/* An input or an output of a plan. The name lives as long as the plan. */
typedef struct {
  const char* name;
  lmspt_dtype dtype;
  int32_t rank;
  int64_t shape[6];
  int64_t count; /* elements of four bytes */
} lmspt_port;

LMSPT_API const char* lmspt_version(void);
LMSPT_API const char* lmspt_last_error(void);

/* variant: NULL (the best here), "portable", "avx2", "avx512", "avx512bf16" or "amx".
   threads: 1 to 1024, or 0 for all. */
LMSPT_API int lmspt_cpu_open(const char* variant, int32_t threads, lmspt_device** device);
/* library: path of liblmspt_cuda; index: which GPU. */
LMSPT_API int lmspt_cuda_open(const char* library, int32_t index, lmspt_device** device);
LMSPT_API const char* lmspt_device_description(const lmspt_device* device);
LMSPT_API void lmspt_device_close(lmspt_device* device);

LMSPT_API int lmspt_plan_load(lmspt_device* device, const char* path, lmspt_plan** plan);
LMSPT_API int32_t lmspt_plan_inputs(const lmspt_plan* plan, lmspt_port* ports, int32_t capacity);
LMSPT_API int32_t lmspt_plan_outputs(const lmspt_plan* plan, lmspt_port* ports, int32_t capacity);
/* inputs and outputs: host memory in the order of the ports. */
LMSPT_API int lmspt_plan_run(lmspt_plan* plan, const void* const* inputs, void* const* outputs);
LMSPT_API void lmspt_plan_close(lmspt_plan* plan);

/* Samples stored in the file: the data of an input or output port, or NULL; tolerance may be NULL. */
LMSPT_API const void* lmspt_plan_input_sample(const lmspt_plan* plan, int32_t port);
LMSPT_API const void* lmspt_plan_output_sample(const lmspt_plan* plan, int32_t port, double* tolerance);

#ifdef __cplusplus
}
#endif

#endif
