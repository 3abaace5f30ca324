#include "device/cuda/status.h"

#include "device/error.h"

namespace lmspt::cuda {

std::string error_text(cudaError_t status) {
  return std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ")";
}

std::string describe_failure(cudaError_t status, const std::string& action, const std::string& reason) {
  std::string message = "CUDA could not " + action + ": " + reason;
  if (status == cudaErrorNoKernelImageForDevice) {
    message += ". The CUDA library holds code for the architectures " LMSPT_CUDA_ARCHITECTURES
               ", none of which this GPU runs; build it again with LMSPT_CUDA_ARCHITECTURES=native on this machine";
  }
  return message;
}

void check(cudaError_t status, const std::string& action) {
  if (status == cudaSuccess) return;
  const std::string message = describe_failure(status, action, error_text(status));
  cudaGetLastError();  // so that an error which does no lasting harm is not met again
  throw Error(status == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::device, message);
}

void fail_for_memory(size_t wanted) {
  cudaGetLastError();
  size_t free = 0, total = 0;
  const bool known = cudaMemGetInfo(&free, &total) == cudaSuccess;
  throw Error(ErrorCode::out_of_memory,
              "Expected to get " + std::to_string(wanted) + " bytes of GPU memory, but " +
                  (known ? std::to_string(free) + " of " + std::to_string(total) + " bytes are free" : "none came") +
                  "; use shorter or smaller inputs, or close what is no longer needed");
}

}  // namespace lmspt::cuda
