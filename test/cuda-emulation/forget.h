// A switch that real devices lack.
#pragma once

#include "cuda_runtime_api.h"

namespace lmspt::emulation {

// From that point of the stream on, the bytes count as never written: an arena's values of earlier runs are not to be
// read in later ones.
void forget(void* memory, size_t bytes, cudaStream_t stream);

}  // namespace lmspt::emulation
