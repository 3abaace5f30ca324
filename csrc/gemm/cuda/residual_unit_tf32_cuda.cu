// Residual units in tf32, by tensor cores.
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/residual_unit_kernel.h"
#include "gemm/cuda/tensor_tile.h"

namespace lmspt::cuda {

void join_tf32(const KernelContext& context, const ProductPair& pair, bool vectors) {
  const auto& [first, second] = pair;
  const auto join = [&]<class Tile>() { launch_residual_unit<Tile>(context, first, second, vectors); };
  if (first.columns <= 32) return join.template operator()<TensorTile<Tf32, 4, 2, 2>>();
  if (first.columns <= 64) return join.template operator()<TensorTile<Tf32, 4, 2, 4>>();
  if (first.columns <= 96) return join.template operator()<TensorTile<Tf32, 2, 4, 3>>();
  if (first.columns <= 128) return join.template operator()<TensorTile<Tf32, 2, 4, 4>>();
  join.template operator()<TensorTile<Tf32, 2, 2, 6>>();
}

}  // namespace lmspt::cuda
