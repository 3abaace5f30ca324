// What CUDA calls return, as errors of lmspt.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace lmspt::cuda {

// "an illegal memory access was encountered (cudaErrorIllegalAddress)"
std::string error_text(cudaError_t status);

// What a message says of a failure; `action` completes "CUDA could not ...".
std::string describe_failure(cudaError_t status, const std::string& action, const std::string& reason);

// Throws a device error, or out_of_memory; `action` completes "CUDA could not ...".
void check(cudaError_t status, const std::string& action);

// Throws out_of_memory with what was wanted and what is free.
[[noreturn]] void fail_for_memory(size_t wanted);

}  // namespace lmspt::cuda
