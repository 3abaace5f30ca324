// Residual units in float32.
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/residual_unit_kernel.h"
#include "gemm/cuda/simt_tile.h"

namespace lmspt::cuda {

void join_float32(const KernelContext& context, const ProductPair& pair, bool vectors) {
  const auto& [first, second] = pair;
  if (first.columns <= 32) return launch_residual_unit<SimtTile<8, 2>>(context, first, second, vectors);
  if (first.columns <= 64) return launch_residual_unit<SimtTile<8, 4>>(context, first, second, vectors);
  if (first.columns <= 128) return launch_residual_unit<SimtTile<8, 8>>(context, first, second, vectors);
  launch_residual_unit<SimtTile<4, 12>>(context, first, second, vectors);
}

}  // namespace lmspt::cuda
