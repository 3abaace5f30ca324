// The tiles of one precision of the tensor cores. Include only from the product_*_cuda.cu files.
#pragma once

#include "gemm/cuda/product_kernel.h"
#include "gemm/cuda/product_units.h"
#include "gemm/cuda/tensor_tile.h"

namespace lmspt::cuda {

template <class Arithmetic>
void launch_tensor_product(const KernelContext& context, const Product& p, const ProductChoice& choice) {
  if (!choice.fours) {
    return launch_product<TensorTile<Arithmetic, 2, 2, 2>, Arithmetic::kFloats>(context, p, choice.vectors);
  }
  switch (choice.size) {
    case TileSize::large: return launch_product<TensorTile<Arithmetic, 2, 4, 4>, 4>(context, p, choice.vectors);
    case TileSize::tall: return launch_product<TensorTile<Arithmetic, 4, 2, 4>, 4>(context, p, choice.vectors);
    case TileSize::small: return launch_product<TensorTile<Arithmetic, 2, 2, 2>, 4>(context, p, choice.vectors);
    case TileSize::narrow: return launch_product<TensorTile<Arithmetic, 4, 2, 2>, 4>(context, p, choice.vectors);
  }
}

}  // namespace lmspt::cuda
