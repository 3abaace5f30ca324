// The tile registers of AMX as the bf16 kernel uses them: real, or emulated with the same results for tests on machines
// that have none (LMSPT_AMX_EMULATED). Tile numbers are literals. After writing what a tile is loaded from in the same
// function, call tile_barrier().
#pragma once

#include <cstdint>
#include <cstring>

#if !defined(LMSPT_AMX_EMULATED)
#include <immintrin.h>
#endif

#include "device/tensor.h"

namespace lmspt::LMSPT_ISA {

constexpr int kTileRows = 16, kTileBytes = 64;

struct alignas(64) TileConfig {  // palette 1
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

#if !defined(LMSPT_AMX_EMULATED)

#define tile_configure(config) _tile_loadconfig(config)
#define tile_release() _tile_release()
#define tile_zero(tile) _tile_zero(tile)
#define tile_load(tile, data, stride) _tile_loadd(tile, data, stride)
#define tile_store(tile, data, stride) _tile_stored(tile, data, stride)
#define tile_multiply_bf16(sums, a, b) _tile_dpbf16ps(sums, a, b)
#define tile_barrier() asm volatile("" ::: "memory")

#else

struct EmulatedTiles {
  TileConfig config;
  alignas(64) char data[8][kTileRows][kTileBytes];
};
inline EmulatedTiles& emulated_tiles() {
  static thread_local EmulatedTiles tiles{};
  return tiles;
}

// Denormal inputs and results count as zeros.
inline float flush_denormal(float value) { return __builtin_fabsf(value) < 0x1p-126f ? value * 0.f : value; }

inline void tile_configure(const TileConfig* config) {
  emulated_tiles() = {};
  emulated_tiles().config = *config;
}
inline void tile_release() { emulated_tiles() = {}; }
inline void tile_zero(int tile) { std::memset(emulated_tiles().data[tile], 0, sizeof emulated_tiles().data[tile]); }
inline void tile_load(int tile, const void* data, int64_t stride) {
  EmulatedTiles& tiles = emulated_tiles();
  tile_zero(tile);
  for (int row = 0; row < tiles.config.rows[tile]; ++row) {
    std::memcpy(tiles.data[tile][row], static_cast<const char*>(data) + row * stride, tiles.config.row_bytes[tile]);
  }
}
inline void tile_store(int tile, void* data, int64_t stride) {
  const EmulatedTiles& tiles = emulated_tiles();
  for (int row = 0; row < tiles.config.rows[tile]; ++row) {
    std::memcpy(static_cast<char*>(data) + row * stride, tiles.data[tile][row], tiles.config.row_bytes[tile]);
  }
}

// TDPBF16PS: the even elements of K and the odd ones are summed apart, then added to each other, then to the tile.
inline void tile_multiply_bf16(int sums, int a, int b) {
  EmulatedTiles& tiles = emulated_tiles();
  const auto element = [&](int tile, int row, int column) {
    uint16_t bits;
    std::memcpy(&bits, tiles.data[tile][row] + 2 * column, sizeof bits);
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return flush_denormal(value);
  };
  for (int m = 0; m < tiles.config.rows[sums]; ++m) {
    for (int n = 0; n < tiles.config.row_bytes[sums] / 4; ++n) {
      float part[2] = {0, 0};
      for (int k = 0; k < tiles.config.row_bytes[a] / 4; ++k) {
        for (int odd = 0; odd < 2; ++odd) {
          part[odd] = flush_denormal(__builtin_fmaf(element(a, m, 2 * k + odd), element(b, k, 2 * n + odd), part[odd]));
        }
      }
      float sum;
      char* place = tiles.data[sums][m] + 4 * n;
      std::memcpy(&sum, place, sizeof sum);
      sum = flush_denormal(flush_denormal(sum) + flush_denormal(part[0] + part[1]));
      std::memcpy(place, &sum, sizeof sum);
    }
  }
}
inline void tile_barrier() {}

#endif

}  // namespace lmspt::LMSPT_ISA
