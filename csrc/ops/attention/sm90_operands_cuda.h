// What launchers of the attention kernels for compute capability 9.0 share: heads as bulk copies read them, and grids.
#pragma once

#include "device/cuda/launch.h"
#include "device/cuda/tensor_map.h"
#include "gemm/cuda/sm90_operands.h"
#include "ops/attention/sm90_tiles_cuda.h"

namespace lmspt::cuda {

// (items, rows, heads, size) as bf16 numbers, for the length of a launcher: rounded into scratch memory, unless they
// are stored so.
class RoundedHeads {
 public:
  RoundedHeads(const KernelContext& context, const Tensor& tensor)
      : shape_(tensor.shape),
        scratch_(context, tensor.dtype == DType::bf16 ? 0 : bytes_of_operands(Precision::bf16, shape_.count())),
        data_(tensor.dtype == DType::bf16 ? tensor.data : scratch_.data()) {
    if (!scratch_.data()) return;
    const int64_t count = shape_.count();
    make_operands(context, Precision::bf16, Numbers(tensor), nullptr, count, count, count, scratch_.data());
  }

  // Boxes of so many rows of a head; places are {0, head, row, item, 0}.
  CUtensorMap map(int box_rows) const {
    const int64_t items = shape_[0], rows = shape_[1], heads = shape_[2], size = shape_[3];
    return tensor_map({data_,
                       true,
                       {size, heads, rows, items, 1},
                       {size, heads * size, rows * heads * size, size},
                       {kSm90Features, 1, box_rows, 1, 1}});
  }

 private:
  Shape shape_;
  Scratch scratch_;
  const void* data_;
};

}  // namespace lmspt::cuda
