#pragma once

namespace lmspt::cuda {

// LMSPT_CUDA_TILE (large, tall, small or narrow) takes tiles of one size for all products of a device that is opened
// then, for tests and measurements. The size's number, or -1.
int tile_setting();

}  // namespace lmspt::cuda
