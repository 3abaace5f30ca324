#pragma once

namespace lmspt::cuda {

// LMSPT_CUDA_TILE (large, tall, small or narrow) takes tiles of one size for all products, for tests and measurements.
// It is read when a device is opened.
void read_tile_setting();

}  // namespace lmspt::cuda
