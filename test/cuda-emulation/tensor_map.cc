#include "cuda-emulation/tensor_map.h"

#include <cstring>

#include "cuda_runtime_api.h"

namespace lmspt::emulation {

CUresult cuTensorMapEncodeTiled(CUtensorMap* map, CUtensorMapDataType type, cuuint32_t rank, void* base,
                                const cuuint64_t* dims, const cuuint64_t* strides, const cuuint32_t* box,
                                const cuuint32_t* element_strides, CUtensorMapInterleave interleave,
                                CUtensorMapSwizzle swizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
  TensorMap made{};
  made.mark = kTensorMapMark;
  made.base = reinterpret_cast<uint64_t>(base);
  made.element_bytes = type == CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 ? 2 : 4;
  bool good = rank == kMapDims && made.base % 16 == 0 && reinterpret_cast<uintptr_t>(map) % 64 == 0 &&
              interleave == CU_TENSOR_MAP_INTERLEAVE_NONE && swizzle == CU_TENSOR_MAP_SWIZZLE_128B;
  for (int i = 0; good && i < kMapDims; ++i) {
    good = dims[i] >= 1 && dims[i] <= uint64_t{1} << 32 && box[i] >= 1 && box[i] <= 256 && element_strides[i] == 1 &&
           (i == 0 || (strides[i - 1] % 16 == 0 && strides[i - 1] < uint64_t{1} << 40));
    if (!good) break;
    made.dims[i] = static_cast<uint32_t>(dims[i]);
    made.box[i] = static_cast<uint16_t>(box[i]);
    if (i > 0) made.strides[i - 1] = strides[i - 1];
  }
  if (!good || box[0] * made.element_bytes > 128 || box[0] * made.element_bytes % 16 != 0) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  std::memcpy(map, &made, sizeof made);
  return CUDA_SUCCESS;
}

}  // namespace lmspt::emulation

cudaError_t cudaGetDriverEntryPointByVersion(const char* symbol, void** function, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult* result) {
  const bool found = std::strcmp(symbol, "cuTensorMapEncodeTiled") == 0;
  *function = found ? reinterpret_cast<void*>(lmspt::emulation::cuTensorMapEncodeTiled) : nullptr;
  *result = found ? cudaDriverEntryPointSuccess : cudaDriverEntryPointSymbolNotFound;
  return cudaSuccess;
}
