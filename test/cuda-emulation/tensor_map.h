// What the emulation keeps in a tensor map.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace lmspt::emulation {

constexpr int kMapDims = 5;

struct TensorMap {
  uint64_t mark;  // of a map that was encoded
  uint64_t base;
  uint64_t strides[kMapDims - 1];  // bytes, of all dimensions but the first
  uint32_t dims[kMapDims];
  uint16_t box[kMapDims];
  uint8_t element_bytes;
};
static_assert(sizeof(TensorMap) <= sizeof(CUtensorMap));
constexpr uint64_t kTensorMapMark = 0x7e4507a9'5ca1ab1e;

// As the driver's function of this name: refuses what the hardware cannot do.
CUresult cuTensorMapEncodeTiled(CUtensorMap* map, CUtensorMapDataType type, cuuint32_t rank, void* base,
                                const cuuint64_t* dims, const cuuint64_t* strides, const cuuint32_t* box,
                                const cuuint32_t* element_strides, CUtensorMapInterleave interleave,
                                CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                                CUtensorMapFloatOOBfill fill);

}  // namespace lmspt::emulation
