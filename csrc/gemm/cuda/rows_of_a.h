// Blocks of A on their way from x to shared memory: fetched into registers while the block before is multiplied, then
// through Snake and rounding into place. Each thread stays at its words of a block and goes down the rows.
#pragma once

#include "device/cuda/launch.h"
#include "device/cuda/math.h"
#include "gemm/cuda/tile_item.h"

namespace lmspt::cuda {

constexpr int kRowPitch = kBlockWords + 4;  // so that neither four lanes' rows of 16 bytes nor ldmatrix meet in a bank

// Where the first tap of a row lies, and its coordinates, by which it is known to be outside.
struct alignas(16) RowPlace {
  int64_t offset;
  int h, w;
};

constexpr int kNowhere = -(1 << 30);

// `count` rows from position `first` on, of an item that has `rows`.
__device__ inline void place_rows(const Product& p, int first, int rows, int count, RowPlace* places) {
  const RowsOfA& a = p.a;
  for (int i = threadIdx.x; i < count; i += blockDim.x) {
    const int m = first + i;
    const Parts outer = divide(m, a.positions), at = divide(outer.rest, a.positions_w);
    const int h = at.quotient * a.h.stride + a.h.origin, w = at.rest * a.w.stride + a.w.origin;
    const bool beyond = a.shifts == 1 && m >= rows;
    places[i] = {outer.quotient * a.outer + h * a.h.pitch + w * a.w.pitch, beyond ? kNowhere : h, w};
  }
}

// Items of kFloats neighbouring floats: 4, or those of one word where rows do not begin at multiples of 16 bytes.
template <class Arithmetic, int kTileRows, int kFloats>
class BlockOfA {
 public:
  // Block `block` of `count` rows of an item, from where `places` says on.
  __device__ void fetch(const RowsOfA& a, const TileItem& item, const RowPlace* places, int count, int block) {
    const int word = block * kBlockWords + static_cast<int>(threadIdx.x) % kAcross * kWords;
    const Parts tap = divide(word, a.tap_words), at = divide(tap.quotient, a.taps_w);
    const int h = at.quotient * a.h.dilation, w = at.rest * a.w.dilation;
    channel_ = tap.rest * Arithmetic::kFloats;
    const int64_t start = item.a + h * a.h.pitch + w * a.w.pitch + channel_;
    inside_ = 0;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int row = row_of(i);
      if (row >= count) continue;
      const RowPlace place = places[row];
      if (word < a.words && static_cast<unsigned>(place.h + h) < static_cast<unsigned>(a.h.in) &&
          static_cast<unsigned>(place.w + w) < static_cast<unsigned>(item.in)) {
        inside_ |= 1u << i;
        load(a.x, start + place.offset, a.channels - channel_, values_[i]);
      }
    }
  }

  // The block fetched, to rows of `target`; the lo parts of a split product `plane` words behind.
  __device__ void store(const RowsOfA& a, const float* alpha, int count, uint32_t* target, int plane) const {
    float factor[kFloats] = {}, inverse[kFloats] = {};
    if (alpha && inside_) {
      load(Numbers(alpha), channel_, a.channels - channel_, factor);
      for (int f = 0; f < kFloats; ++f) inverse[f] = snake_inverse(factor[f]);
    }
    target += static_cast<int>(threadIdx.x) % kAcross * kWords;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int row = row_of(i);
      if (row >= count) continue;
      const bool inside = inside_ >> i & 1;
      float value[kFloats];
      for (int f = 0; f < kFloats; ++f) value[f] = inside ? values_[i][f] : 0.f;
      if (alpha && inside) {
        for (int f = 0; f < kFloats; ++f) value[f] = snake(value[f], factor[f], inverse[f]);
      }
      for (int part = 0; part < Arithmetic::kPlanes; ++part) {
        uint32_t words[kWords];
        for (int i = 0; i < kWords; ++i) words[i] = Arithmetic::word(value + i * Arithmetic::kFloats, part);
        write(words, target + part * plane + row * kRowPitch);
      }
    }
  }

 private:
  static constexpr int kWords = kFloats / Arithmetic::kFloats;  // of an item
  static constexpr int kAcross = kBlockWords / kWords;          // items of a row
  static constexpr int kDown = kThreads / kAcross;              // rows at once
  static constexpr int kCount = (kTileRows + kMostReach + kDown - 1) / kDown;
  static_assert(kWords >= 1 && kCount <= 32);

  static __device__ int row_of(int i) { return static_cast<int>(threadIdx.x) / kAcross + i * kDown; }

  static __device__ void load(const Numbers& source, int64_t at, int left, float (&values)[kFloats]) {
    if constexpr (kFloats == 4) {
      source.load<4, Arithmetic::kHalves>(at, values);
    } else {
      for (int f = 0; f < kFloats; ++f) {
        values[f] = 0;
        if (f < left) source.load<1, Arithmetic::kHalves>(at + f, values + f);
      }
    }
  }

  static __device__ void write(const uint32_t (&words)[kWords], uint32_t* target) {
    if constexpr (kWords == 4) {
      *reinterpret_cast<uint4*>(target) = make_uint4(words[0], words[1], words[2], words[3]);
    } else if constexpr (kWords == 2) {
      *reinterpret_cast<uint2*>(target) = make_uint2(words[0], words[1]);
    } else {
      *target = words[0];
    }
  }

  float values_[kCount][kFloats];
  uint32_t inside_;
  int channel_;
};

}  // namespace lmspt::cuda
