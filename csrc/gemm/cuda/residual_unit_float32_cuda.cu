// Residual units in float32.
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/residual_unit_kernel.h"
#include "gemm/cuda/simt_tile.h"

namespace lmspt::cuda {

void join_float32(const KernelContext& context, const ProductPair& pair, const ProductChoice& choice) {
  const auto& [first, second] = pair;
  if (choice.size == TileSize::large) {
    launch_residual_unit<SimtTile<8, 8>>(context, first, second, choice.vectors);
  } else {
    launch_residual_unit<SimtTile<8, 4>>(context, first, second, choice.vectors);
  }
}

}  // namespace lmspt::cuda
