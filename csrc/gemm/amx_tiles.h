// The tile registers of AMX as the bf16 kernel uses them: real, or emulated with the same results for tests on machines
// that have none (LMSPT_AMX_EMULATED). Tile numbers are literals. After writing what a tile is loaded from in the same
// function, call tile_barrier().
#pragma once

#include <cstdint>
#include <cstring>

#if !defined(LMSPT_AMX_EMULATED)
#include <immintrin.h>
#endif

#include "device/cpu/simd.h"
#include "gemm/bf16.h"

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

// Numbers below 2^-126 count as zeros, before and after every operation.
LMSPT_INLINE Vec flush(Vec v) {
  const Vec zero = broadcast(0), smallest = broadcast(0x1p-126f);
  return select_less(max(v, zero - v), smallest, zero, v);
}

// A row of a tile: 16 pairs of bf16 numbers, the even and the odd ones widened.
struct WideRow {
  Vec part[2];
};
LMSPT_INLINE WideRow widen(const char (&row)[kTileBytes]) {
  uint16_t bits[2 * kLanes];
  alignas(64) float lanes[2][kLanes];
  std::memcpy(bits, row, sizeof bits);
  for (int i = 0; i < 2 * kLanes; ++i) lanes[i % 2][i / 2] = from_bf16(bits[i]);
  return {flush(Vec::load(lanes[0])), flush(Vec::load(lanes[1]))};
}

// TDPBF16PS: the even elements of K and the odd ones are summed apart, then added to each other, then to the tile.
inline void tile_multiply_bf16(int sums, int a, int b) {
  EmulatedTiles& tiles = emulated_tiles();
  const int pairs = tiles.config.row_bytes[a] / 4;
  WideRow columns[kTileRows];
  for (int k = 0; k < pairs; ++k) columns[k] = widen(tiles.data[b][k]);
  for (int m = 0; m < tiles.config.rows[sums]; ++m) {
    const WideRow row = widen(tiles.data[a][m]);
    Vec sum[2] = {broadcast(0), broadcast(0)};
    for (int odd = 0; odd < 2; ++odd) {
      alignas(64) float elements[kLanes];
      row.part[odd].store(elements);
      for (int k = 0; k < pairs; ++k) sum[odd] = flush(fma(broadcast(elements[k]), columns[k].part[odd], sum[odd]));
    }
    float place[kLanes];
    std::memcpy(place, tiles.data[sums][m], sizeof place);
    flush(flush(Vec::load(place)) + flush(sum[0] + sum[1])).store(place);
    std::memcpy(tiles.data[sums][m], place, sizeof place);
  }
}
inline void tile_barrier() {}

#endif

}  // namespace lmspt::LMSPT_ISA
