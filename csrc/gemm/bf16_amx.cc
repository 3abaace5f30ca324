// bf16 products by the tile unit of AMX: up to 32 rows and two panels at a time in four accumulators of 16 x 16, K in
// blocks of 32. A tile of A is 16 staged rows where they lie; a tile of B is a block of a panel. Panels are the outer
// loop, so that a pair of them stays in the second-level cache while all rows go by. Compiled for AMX and, for tests,
// with emulated tiles.
#include "gemm/amx_tiles.h"
#include "gemm/bf16_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kBlockPairs = kBf16Pairs * kPanelWidth;  // of one panel
constexpr int64_t kRowsAtOnce = 2 * kTileRows, kPanelsAtOnce = 2;
constexpr int64_t kSumStride = kPanelsAtOnce * kPanelWidth;

// A block's operands: tiles of the hi parts, and of the lo parts where the product is split.
struct Block {
  const uint16_t* a;
  int64_t row_bytes, a_plane, a_next;  // a_next: elements to the second tile of rows
  const uint32_t* b;
  int64_t b_plane, b_next;  // b_next: pairs to the second panel
};

// A whole tile in four instructions, or as many as there are rows and panels of it. Accumulator 2 m + n.
template <int ROWS, int PANELS>
LMSPT_INLINE void multiply_tiles() {
  tile_multiply_bf16(0, 4, 6);
  if constexpr (PANELS > 1) tile_multiply_bf16(1, 4, 7);
  if constexpr (ROWS > 1) tile_multiply_bf16(2, 5, 6);
  if constexpr (ROWS > 1 && PANELS > 1) tile_multiply_bf16(3, 5, 7);
}

template <int ROWS>
LMSPT_INLINE void load_a(const Block& block, int64_t plane) {
  tile_load(4, block.a + plane, block.row_bytes);
  if constexpr (ROWS > 1) tile_load(5, block.a + plane + block.a_next, block.row_bytes);
}

template <int PANELS>
LMSPT_INLINE void load_b(const Block& block, int64_t plane) {
  tile_load(6, block.b + plane, kTileBytes);
  if constexpr (PANELS > 1) tile_load(7, block.b + plane + block.b_next, kTileBytes);
}

template <int ROWS, int PANELS, bool SPLIT>
LMSPT_INLINE void multiply_block(const Block& block) {
  load_b<PANELS>(block, 0);
  if constexpr (SPLIT) {
    load_a<ROWS>(block, block.a_plane);
    multiply_tiles<ROWS, PANELS>();
  }
  load_a<ROWS>(block, 0);
  multiply_tiles<ROWS, PANELS>();
  if constexpr (SPLIT) {
    load_b<PANELS>(block, block.b_plane);
    multiply_tiles<ROWS, PANELS>();
  }
}

// The first `count` of 32 elements, and zeros.
LMSPT_INLINE void copy_elements(const uint16_t* from, int64_t count, uint16_t* to) {
#if defined(__AVX512BW__)
  _mm512_store_si512(to, _mm512_maskz_loadu_epi16((__mmask32{1} << count) - 1, from));
#else
  for (int64_t i = 0; i < kBf16Block; ++i) to[i] = i < count ? from[i] : 0;
#endif
}

// The last block of K where it has fewer than 32 elements: copies of A and B with zeros beyond them.
struct LastBlock {
  alignas(64) uint16_t a[2][kRowsAtOnce][kBf16Block];
  alignas(64) uint32_t b[2][kPanelsAtOnce][kBlockPairs];

  Block fill(const Block& block, int64_t rows, int64_t panels, int64_t elements, bool split) {
    for (int plane = 0; plane <= split; ++plane) {
      for (int64_t row = 0; row < rows; ++row) {
        copy_elements(block.a + plane * block.a_plane + row * block.row_bytes / 2, elements, a[plane][row]);
      }
      for (int64_t panel = 0; panel < panels; ++panel) {
        const uint32_t* from = block.b + plane * block.b_plane + panel * block.b_next;
        for (int64_t i = 0; i < kBlockPairs; ++i) b[plane][panel][i] = i < elements / 2 * kPanelWidth ? from[i] : 0;
      }
    }
    return {
        a[0][0],    kTileBytes, kRowsAtOnce * kBf16Block, kTileRows * kBf16Block, b[0][0], kPanelsAtOnce * kBlockPairs,
        kBlockPairs};
  }
};

LMSPT_INLINE void prefetch_block(const uint32_t* b) {
  for (int64_t pair = 0; pair < kBlockPairs; pair += kPanelWidth) __builtin_prefetch(b + pair, 0, 2);
}

template <int ROWS, int PANELS, bool SPLIT>
void tile_product(const Bf16Product& p, int64_t first_row, int64_t panel) {
  tile_zero(0);
  tile_zero(1);
  tile_zero(2);
  tile_zero(3);
  const int64_t panel_pairs = p.depth.pairs() * kPanelWidth;
  const uint16_t* a = static_cast<const uint16_t*>(p.a) + first_row * p.row_stride;
  Block block{a,         p.row_stride * 2, p.a_plane, kTileRows * p.row_stride, p.b + panel * panel_pairs,
              p.b_plane, panel_pairs};
  // While the last rows go by, the panels that come next are fetched.
  const bool last_rows = first_row + ROWS * kTileRows >= p.rows && panel + PANELS < p.last_panel;
  for (int64_t k = 0; k < p.depth.run_length; k += kBf16Block) {
    const int64_t elements = p.depth.run_length - k;
    for (int64_t run = 0; run < p.depth.runs; ++run, block.b += kBlockPairs) {
      block.a = a + run * p.depth.run_length + k;
      if (elements < kBf16Block) {
        LastBlock last;
        const Block copy = last.fill(block, ROWS * kTileRows, PANELS, elements, SPLIT);
        tile_barrier();
        multiply_block<ROWS, PANELS, SPLIT>(copy);
      } else {
        for (int n = 0; last_rows && n < PANELS; ++n) prefetch_block(block.b + (PANELS + n) * panel_pairs);
        multiply_block<ROWS, PANELS, SPLIT>(block);
      }
    }
  }
  alignas(64) float sums[kRowsAtOnce * kSumStride];
  constexpr int64_t kStrideBytes = kSumStride * sizeof(float);
  tile_store(0, sums, kStrideBytes);
  if constexpr (PANELS > 1) tile_store(1, sums + kPanelWidth, kStrideBytes);
  if constexpr (ROWS > 1) tile_store(2, sums + kTileRows * kSumStride, kStrideBytes);
  if constexpr (ROWS > 1 && PANELS > 1) tile_store(3, sums + kTileRows * kSumStride + kPanelWidth, kStrideBytes);
  tile_barrier();
  const int64_t left = p.rows - first_row, rows = left < ROWS * kTileRows ? left : ROWS * kTileRows;
  for (int64_t row = 0; row < rows; ++row) {
    for (int n = 0; n < PANELS; ++n) {
      finish_bf16<uint16_t>(p, first_row + row, panel + n, Vec::load(sums + row * kSumStride + n * kPanelWidth));
    }
  }
}

template <int PANELS, bool SPLIT>
void panel_products(const Bf16Product& p, int64_t panel) {
  int64_t row = 0;
  for (; row + kTileRows < p.rows; row += kRowsAtOnce) tile_product<2, PANELS, SPLIT>(p, row, panel);
  if (row < p.rows) tile_product<1, PANELS, SPLIT>(p, row, panel);
}

template <bool SPLIT>
void all_products(const Bf16Product& p) {
  int64_t panel = p.first_panel;
  for (; panel + kPanelsAtOnce <= p.last_panel; panel += kPanelsAtOnce) panel_products<2, SPLIT>(p, panel);
  if (panel < p.last_panel) panel_products<1, SPLIT>(p, panel);
}

// The configuration lasts for one call: the thread may be used by others in between.
void multiply(const Bf16Product& p) {
  TileConfig config;
  for (int tile = 0; tile < 8; ++tile) {
    config.row_bytes[tile] = kTileBytes;
    config.rows[tile] = kTileRows;
  }
  tile_barrier();
  tile_configure(&config);
  p.a_plane ? all_products<true>(p) : all_products<false>(p);
  tile_release();
}

#if defined(LMSPT_AMX_EMULATED)
#define LMSPT_TILES "emulated AMX tiles (for tests)"
#else
#define LMSPT_TILES "AMX"
#endif

}  // namespace

const Bf16Unit& bf16_unit() {
  static constexpr Bf16Unit unit{"bf16 products by " LMSPT_TILES ", float32 sums",
                                 "three bf16 products by " LMSPT_TILES " for each, float32 sums",
                                 sizeof(uint16_t),
                                 kTileRows,
                                 kRowsAtOnce,
                                 stage_rows<uint16_t>,
                                 multiply};
  return unit;
}

}  // namespace lmspt::LMSPT_ISA
