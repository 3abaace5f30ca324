#include "device/cuda/tensor_map.h"

#include <cuda_runtime_api.h>

#include <string>

#include "device/cuda/status.h"
#include "device/error.h"

namespace lmspt::cuda {

namespace {

using Encode = CUresult (*)(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*, const cuuint64_t*,
                            const cuuint32_t*, const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle,
                            CUtensorMapL2promotion, CUtensorMapFloatOOBfill);

// The driver's function, which is not linked.
Encode find_encode() {
  constexpr const char* kName = "cuTensorMapEncodeTiled";
  void* function = nullptr;
  cudaDriverEntryPointQueryResult result{};
#if CUDART_VERSION >= 12050
  constexpr unsigned kSince = 12000;
  check(cudaGetDriverEntryPointByVersion(kName, &function, kSince, cudaEnableDefault, &result), "ask the driver");
#else
  check(cudaGetDriverEntryPoint(kName, &function, cudaEnableDefault, &result), "ask the driver");
#endif
  if (result != cudaDriverEntryPointSuccess || !function) {
    throw Error(ErrorCode::device,
                std::string("The CUDA driver has no ") + kName + "; install a newer one, or set LMSPT_CUDA_WGMMA=0");
  }
  return reinterpret_cast<Encode>(function);
}

}  // namespace

CUtensorMap tensor_map(const MappedTensor& tensor) {
  static const Encode encode = find_encode();
  const int element_bytes = tensor.halves ? 2 : 4;
  cuuint64_t dims[kMapDims], strides[kMapDims - 1];
  cuuint32_t box[kMapDims], one[kMapDims];
  for (int i = 0; i < kMapDims; ++i) {
    dims[i] = static_cast<cuuint64_t>(tensor.dims[i]);
    box[i] = static_cast<cuuint32_t>(tensor.box[i]);
    one[i] = 1;
    if (i > 0) strides[i - 1] = static_cast<cuuint64_t>(tensor.steps[i - 1] * element_bytes);
  }
  CUtensorMap map;
  const CUresult result =
      encode(&map, tensor.halves ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT32, kMapDims,
             const_cast<void*>(tensor.data), dims, strides, box, one, CU_TENSOR_MAP_INTERLEAVE_NONE,
             CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) {
    throw Error(ErrorCode::device, "The CUDA driver refuses to map a tensor for bulk copies (" +
                                       std::to_string(static_cast<int>(result)) + ")");
  }
  return map;
}

}  // namespace lmspt::cuda
