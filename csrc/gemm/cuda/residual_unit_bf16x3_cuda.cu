// Residual units of split bf16 numbers, by tensor cores.
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/residual_unit_kernel.h"
#include "gemm/cuda/tensor_tile.h"

namespace lmspt::cuda {

void join_bf16x3(const KernelContext& context, const ProductPair& pair, bool vectors) {
  const auto& [first, second] = pair;
  if (first.columns <= 32) return launch_residual_unit<TensorTile<Bf16x3, 4, 2, 2>>(context, first, second, vectors);
  launch_residual_unit<TensorTile<Bf16x3, 4, 2, 4>>(context, first, second, vectors);
}

}  // namespace lmspt::cuda
