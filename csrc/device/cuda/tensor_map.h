// Tensor maps: what bulk copies (instructions_sm90.h) know of a tensor in device memory.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace lmspt::cuda {

constexpr int kMapDims = 5;

// Dimensions with the fastest first, whose elements are neighbours. Addresses and steps are multiples of 16 bytes.
struct MappedTensor {
  const void* data;
  bool halves;                  // bf16 instead of 32 bits
  int64_t dims[kMapDims];       // at least 1 each
  int64_t steps[kMapDims - 1];  // elements from one to the next, of all but the first
  int box[kMapDims];            // what one copy brings; 128 bytes of the first dimension
};

CUtensorMap tensor_map(const MappedTensor& tensor);

}  // namespace lmspt::cuda
