// Residual units in tf32, by tensor cores.
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/residual_unit_kernel.h"
#include "gemm/cuda/tensor_tile.h"

namespace lmspt::cuda {

void join_tf32(const KernelContext& context, const ProductPair& pair, const ProductChoice& choice) {
  const auto& [first, second] = pair;
  if (choice.size == TileSize::large) {
    launch_residual_unit<TensorTile<Tf32, 2, 4, 4>>(context, first, second, choice.vectors);
  } else {
    launch_residual_unit<TensorTile<Tf32, 4, 2, 4>>(context, first, second, choice.vectors);
  }
}

}  // namespace lmspt::cuda
