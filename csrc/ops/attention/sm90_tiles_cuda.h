// What the attention kernels for compute capability 9.0 share: tiles of rows of 64 features, bf16 numbers of which a
// row is 128 bytes of shared memory, what warp groups do with them, and how queries are shared out. Features beyond a
// head's, and rows beyond an item's, are zeros that the bulk copies write.
//
// Of a product of a warp group, thread t has the rows row_of(0) and row_of(1) and the columns column_of(j, e); its sums
// lie in d[4 j + 2 r + e] (instructions_sm90.h).
#pragma once

#include "device/cuda/copy_ring.h"
#include "device/cuda/groups.h"
#include "device/cuda/launch.h"
#include "device/cuda/numbers.h"
#include "device/cuda/warp_groups.h"
#include "ops/attention/attention.h"

namespace lmspt::cuda {

constexpr int kSm90Features = 64;  // of a head, with zeros
constexpr int kGroupRows = 64;     // of a product of a warp group
constexpr int kFeatureSums = kSm90Features / 2;

// AttentionGeometry as these kernels want it: in 32 bits, of which the thread that copies has few registers.
struct Sm90Heads {
  int queries, keys, heads, readers, size;  // readers: heads that share keys
  bool causal;
  float scale, rate;  // of scores, and for powers of two

  explicit Sm90Heads(const AttentionGeometry& g)
      : queries(static_cast<int>(g.queries)),
        keys(static_cast<int>(g.keys)),
        heads(static_cast<int>(g.heads)),
        readers(static_cast<int>(g.heads_per_key())),
        size(static_cast<int>(g.size)),
        causal(g.causal),
        scale(g.scale),
        rate(g.scale * 1.44269504f) {}

  // Keys that query i sees: [0, visible(i)).
  __device__ int visible(int i) const { return causal && i < queries ? i + keys - queries + 1 : keys; }
};

// ---- products ----

__device__ inline int row_of(int r) { return threadIdx.x % kWarpGroup / 32 * 16 + threadIdx.x % 32 / 4 + 8 * r; }
__device__ inline int column_of(int j, int e) { return 8 * j + threadIdx.x % 4 * 2 + e; }

// d = the 64 rows at `rows` times the kColumns rows at `columns`, summed over features.
template <int kColumns>
__device__ inline void multiply_heads(const unsigned char* rows, const unsigned char* columns,
                                      float (&d)[kColumns / 2]) {
  constexpr int kStep = 32 >> 4;  // of a descriptor, to the next 16 features
  const uint64_t a = operand_along_k(rows), b = operand_along_k(columns);
#pragma unroll
  for (int k = 0; k < kSm90Features / 16; ++k) {
    wgmma<kColumns, WgmmaKind::bf16>(d, a + k * kStep, b + k * kStep, k > 0);
  }
}

// What the 64 rows weigh the rows of a tile with: 16 to a step.
template <int kSteps>
struct Weights {
  uint32_t words[kSteps][4];

  __device__ void pack(const float (&d)[8 * kSteps]) {
#pragma unroll
    for (int k = 0; k < kSteps; ++k) {
#pragma unroll
      for (int i = 0; i < 4; ++i) words[k][i] = pack_bf16(d[8 * k + 2 * i], d[8 * k + 2 * i + 1]);
    }
  }
};

// sums (+)= the rows of the tile, weighted.
template <int kSteps>
__device__ inline void add_weighted(const Weights<kSteps>& weights, const unsigned char* tile, bool add,
                                    float (&sums)[kFeatureSums]) {
  constexpr int kStep = 16 * kSwizzleBytes >> 4;  // to the next 16 rows
  const uint64_t rows = operand_across_k(tile, 0);
#pragma unroll
  for (int k = 0; k < kSteps; ++k) {
    wgmma_of_registers<kSm90Features, true>(sums, weights.words[k], rows + k * kStep, add || k > 0);
  }
}

__device__ inline void scale_rows(const float (&factors)[2], float (&sums)[kFeatureSums]) {
#pragma unroll
  for (int i = 0; i < kFeatureSums; ++i) sums[i] *= factors[i / 2 % 2];
}

// The thread's part of the rows [first, first + 64) of one head of an item of (items, rows, heads, size).
__device__ inline void store_rows(const float (&sums)[kFeatureSums], const Sm90Heads& h, int item, int rows, int heads,
                                  int head, int first, const Numbers& out) {
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int row = first + row_of(r);
    if (row >= rows) continue;
    const int64_t at = ((int64_t{item} * rows + row) * heads + head) * h.size;
#pragma unroll
    for (int j = 0; j < kSm90Features / 8; ++j) {
      if (column_of(j, 0) < h.size) out.store<2>(at + column_of(j, 0), sums + 4 * j + 2 * r);
    }
  }
}

// ---- softmax ----

template <class Join>
__device__ inline float join_quad(float value, Join join) {
  value = join(value, exchange(value, 1));
  return join(value, exchange(value, 2));
}

// Scores of keys that a query does not see become minus infinity; columns are keys from first_key on.
template <int kColumns>
__device__ inline void hide_unseen(const Sm90Heads& h, int first_query, int first_key, float (&scores)[kColumns / 2]) {
  if (first_key + kColumns <= h.visible(first_query)) return;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int left = h.visible(first_query + row_of(r)) - first_key;
#pragma unroll
    for (int j = 0; j < kColumns / 8; ++j) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        if (column_of(j, e) >= left) scores[4 * j + 2 * r + e] = -INFINITY;
      }
    }
  }
}

// The softmax of rows that come tile by tile, to base 2. As on the CPU a NaN or plus
// infinity makes a row NaN, and so does nothing but minus infinity.
struct Base2Softmax {
  float top[2], total[2];  // the total of the thread's own columns

  __device__ void clear() { top[0] = top[1] = -INFINITY, total[0] = total[1] = 0; }

  // Scores become 2^(rate (score - largest so far)); factors: what earlier results have to be multiplied with.
  template <int count>
  __device__ void take(float rate, float (&scores)[count], float (&factors)[2]) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float most[2] = {top[r], top[r]};
#pragma unroll
      for (int i = 2 * r; i < count; i += 4)
        most[0] = fmaxf(most[0], scores[i]), most[1] = fmaxf(most[1], scores[i + 1]);
      const float largest = join_quad(fmaxf(most[0], most[1]), LargerOf());
      const float center = largest == -INFINITY ? 0.f : largest * rate;
      factors[r] = exp2_near(fmaf(top[r], rate, -center));
      float sum[2] = {0, 0};
#pragma unroll
      for (int i = 2 * r; i < count; i += 4) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          scores[i + e] = exp2_near(fmaf(scores[i + e], rate, -center));
          sum[e] += scores[i + e];
        }
      }
      total[r] = fmaf(total[r], factors[r], sum[0] + sum[1]);
      top[r] = largest;
    }
  }
};

// ---- what blocks have to do ----

// Tiles in the order in which they are computed: bands of heads, the rows of whose other side the second-level cache
// holds; in each band the first tile of every head, then the second.
struct TileOrder {
  int tiles, heads, band;  // of a head; of all items; of a band

  struct Place {
    int tile, head;
  };
  __host__ __device__ int units() const { return tiles * heads; }
  __device__ Place at(int unit) const {
    const int first = unit / (tiles * band) * band, rest = unit % (tiles * band);
    const int width = heads - first < band ? heads - first : band;
    return {rest / width, first + rest % width};
  }
};

// Tiles of `rows` rows of each head, which read `other_rows` rows of two tensors.
inline TileOrder tile_order(int64_t heads, int64_t all_rows, int rows, int64_t other_rows) {
  constexpr int64_t kCached = 16 << 20;  // bytes, less than half of what the cache holds
  return {static_cast<int>((all_rows + rows - 1) / rows), static_cast<int>(heads),
          static_cast<int>(std::clamp<int64_t>(kCached / (2 * other_rows * kSwizzleBytes), 1, heads))};
}

// A tile of kRows queries; those that see most keys come first.
template <int kRows>
struct Sm90QueryTile {
  int first, head, item;

  static __device__ Sm90QueryTile of(const Sm90Heads& h, const TileOrder& order, int unit) {
    const TileOrder::Place place = order.at(unit);
    return {(order.tiles - 1 - place.tile) * kRows, place.head % h.heads, place.head / h.heads};
  }

  // How many tiles of keys its queries see, or those of a warp group alone: none where it has no queries.
  template <int kKeys>
  __device__ int key_tiles(const Sm90Heads& h) const {
    return key_tiles<kKeys>(h, first, kRows);
  }
  template <int kKeys>
  __device__ int key_tiles_of(const Sm90Heads& h, int group) const {
    return key_tiles<kKeys>(h, first + group * kGroupRows, kGroupRows);
  }

 private:
  template <int kKeys>
  static __device__ int key_tiles(const Sm90Heads& h, int begin, int rows) {
    if (begin >= h.queries) return 0;
    const int last = begin + rows < h.queries ? begin + rows - 1 : h.queries - 1;
    return (h.visible(last) + kKeys - 1) / kKeys;
  }
};

// Calls `body` with the units of the block. Rounds go back and forth, so that blocks get as much to do each.
template <class Body>
__device__ inline void each_unit(const TileOrder& order, const Body& body) {
  const int blocks = gridDim.x, place = blockIdx.x;
  for (int round = 0; round * blocks < order.units(); ++round) {
    const int unit = round * blocks + (round % 2 ? blocks - 1 - place : place);
    if (unit < order.units()) body(unit);
  }
}

// A kernel: a Producer, which is one thread, and Consumers, which are kGroups warp groups, take the units of the block.
// Nothing of it is left for targets that have no such instructions, though all of it is compiled.
template <class Memory, class Producer, class Consumer, int kGroups, int kProducerRegisters, class Parameters>
__device__ inline void take_units(const Parameters& p) {
  if (!kHasWgmma) return;
  const Memory shared(swizzled_shared());
  if (threadIdx.x == 0) shared.make();
  __syncthreads();
  const auto take_all = [&](auto worker) { each_unit(p.order, [&](int unit) { worker.take(unit); }); };
  run_warp_groups<1 + kGroups, kProducerRegisters>([&](int) { take_all(Producer{p, shared}); },
                                                   [&] { take_all(Consumer{p, shared}); });
}

}  // namespace lmspt::cuda
