#include "gemm/bf16_tiling.h"

#include <algorithm>

namespace lmspt {

namespace {

constexpr int64_t kStagedBytes = 256 * 1024;   // a staged tile should stay in the second-level cache
constexpr int64_t kHeavyWeights = 512 * 1024;  // weights that would not stay there beside it
constexpr int64_t kMostRows = 1024;

}  // namespace

int64_t bf16_tile_rows(int64_t row_bytes, int64_t share, int64_t row_step) {
  const int64_t rows = std::min({kStagedBytes / row_bytes, kMostRows, share});
  return round_up_to(std::max<int64_t>(rows, 1), row_step);
}

Bf16Tiling Bf16Tiling::of(const Bf16Work& work) {
  Bf16Tiling tiling;
  tiling.panels = work.weights.shape[1];
  // Heavy weights are read as rarely as possible: by one thread each, for as many rows as there are.
  const bool by_panels = work.weights.shape.count() * kElementSize > kHeavyWeights && tiling.panels >= 2 * work.threads;
  const int64_t rows = work.batch * work.length;
  const int64_t share = by_panels ? rows : (rows + work.threads - 1) / work.threads;
  tiling.rows = bf16_tile_rows(work.row_bytes, share, work.row_step);
  tiling.tiles = (work.length + tiling.rows - 1) / tiling.rows;
  const int64_t tiles = work.batch * tiling.tiles;
  const bool equal_shares = tiles % work.threads == 0 || tiles >= 8 * work.threads;
  tiling.splits = equal_shares && !by_panels ? 1 : std::min<int64_t>(work.threads, tiling.panels);
  return tiling;
}

}  // namespace lmspt
