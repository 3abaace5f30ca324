// Residual units of split bf16 numbers, by tensor cores.
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/residual_unit_kernel.h"
#include "gemm/cuda/tensor_tile.h"

namespace lmspt::cuda {

void join_bf16x3(const KernelContext& context, const ProductPair& pair, const ProductChoice& choice) {
  launch_residual_unit<TensorTile<Bf16x3, 4, 2, 4>>(context, pair.first, pair.second, choice.vectors);
}

}  // namespace lmspt::cuda
