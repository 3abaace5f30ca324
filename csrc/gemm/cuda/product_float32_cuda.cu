// Products in float32, by fused multiply-adds.
#include "gemm/cuda/product_kernel.h"
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/simt_tile.h"

namespace lmspt::cuda {

void multiply_float32(const KernelContext& context, const Product& p, const ProductChoice& choice) {
  if (!choice.fours) return launch_product<SimtTile<4, 4>, 1>(context, p, choice.vectors);
  switch (choice.size) {
    case TileSize::large: return launch_product<SimtTile<8, 8>, 4>(context, p, choice.vectors);
    case TileSize::tall: return launch_product<SimtTile<8, 4>, 4>(context, p, choice.vectors);
    case TileSize::small: return launch_product<SimtTile<4, 4>, 4>(context, p, choice.vectors);
    case TileSize::narrow: return launch_product<SimtTile<8, 2>, 4>(context, p, choice.vectors);
  }
}

}  // namespace lmspt::cuda
