// Gradients of keys and values for compute capability 9.0. A block takes 128 keys, of which a warp group has 64 as rows
// of its products, and goes over the queries of one head that reads them, in order: the weights p of queries weigh
// their gy, the slopes ds weigh the queries. Products of the next tile are computed while weights and slopes weigh this
// one. Where heads share keys, each has sums of its own, which are added in the order of heads: there are as many units
// as heads have tiles, and the heads that share are no longer than others.
#include "ops/attention/sm90_backward_cuda.h"

namespace lmspt::cuda {

namespace {

constexpr int kGroups = 2, kThreadsOfAll = (1 + kGroups) * kWarpGroup, kReaders = kGroups * kWarpGroup / 32;
constexpr int kKeys = kGroups * kGroupRows, kQueries = kStatisticsRows;  // of a tile

using KeyRing = CopyRing<4, kKeys * kSwizzleBytes, kReaders>;        // k and v of this tile and of the next
using QueryRing = CopyRing<16, kQueries * kSwizzleBytes, kReaders>;  // of queries and gy
using Memory = TwoRings<KeyRing, QueryRing>;

struct Parameters {
  Sm90GradientMaps maps;
  TileOrder order;
  Sm90Gradients of;
  Numbers gk, gv;  // of each head of queries
};

// ---- kernels ----

// A tile of keys for one head of queries; those that most queries see come first.
struct KeyTile {
  int first, head, item;
  int begin, count;  // the first query of the first tile of queries that sees a key, and how many tiles there are

  static __device__ KeyTile of(const Sm90Heads& h, const TileOrder& order, int unit) {
    const TileOrder::Place place = order.at(unit);
    const int first = place.tile * kKeys;
    const int unseen = h.causal ? first - (h.keys - h.queries) : 0;  // queries that see none of the keys
    const int begin = unseen > 0 ? unseen / kQueries * kQueries : 0;
    return {first, place.head % h.heads, place.head / h.heads, begin, (h.queries - begin + kQueries - 1) / kQueries};
  }
};

struct Producer {
  const Parameters& p;
  const Memory& shared;
  KeyRing::Place key{};
  QueryRing::Place at{};

  __device__ void take(int unit) {
    const KeyTile tile = KeyTile::of(p.of.h, p.order, unit);
    const int key_head = tile.head / p.of.h.readers;
    shared.first.put(key, &p.maps.k, {{0, key_head, tile.first, tile.item, 0}});
    shared.first.put(key, &p.maps.v, {{0, key_head, tile.first, tile.item, 0}});
    for (int i = 0; i < tile.count; ++i) {
      const int query = tile.begin + i * kQueries;
      shared.second.put(at, &p.maps.q, {{0, tile.head, query, tile.item, 0}});
      shared.second.put(at, &p.maps.gy, {{0, tile.head, query, tile.item, 0}});
    }
  }
};

// One of the warp groups that multiply.
class Consumer {
 public:
  __device__ Consumer(const Parameters& p, const Memory& shared) : p_(p), shared_(shared), group_(warp_group() - 1) {}

  __device__ void take(int unit) {
    const KeyTile tile = KeyTile::of(p_.of.h, p_.order, unit);
    shared_.first.wait(key_);
    shared_.first.wait(key_.after(1));
    float key_sums[kFeatureSums], value_sums[kFeatureSums];
    sum(tile, key_sums, value_sums);
    shared_.first.release(key_);
    shared_.first.release(key_.after(1));
    key_ = key_.after(2);

    const Sm90Heads& h = p_.of.h;
    const float factors[2] = {h.scale, h.scale};
    scale_rows(factors, key_sums);
    const int first = tile.first + group_ * kGroupRows;
    store_rows(key_sums, h, tile.item, h.keys, h.heads, tile.head, first, p_.gk);
    store_rows(value_sums, h, tile.item, h.keys, h.heads, tile.head, first, p_.gv);
  }

 private:
  static constexpr int kScores = kQueries / 2;  // of a thread
  using TileWeights = Weights<kQueries / 16>;

  // Of the thread's columns.
  struct Statistics {
    float log_sums[kScores / 2], along[kScores / 2];
  };

  __device__ void sum(const KeyTile& tile, float (&key_sums)[kFeatureSums], float (&value_sums)[kFeatureSums]) {
    float scores[kScores], slopes[kScores];
    TileWeights weights, slope_weights;
    Statistics statistics;
    begin_products<kQueries>(shared_, key_, group_, at_, scores, slopes);
    load(tile, 0, statistics);
    wgmma_wait<0>();
    weigh(tile, 0, statistics, scores, slopes);
    weights.pack(scores);
    slope_weights.pack(slopes);
    for (int i = 1; i < tile.count; ++i) {
      begin_products<kQueries>(shared_, key_, group_, at_, scores, slopes);
      begin_sums(at_.before(4), weights, slope_weights, i > 1, key_sums, value_sums);
      load(tile, i, statistics);
      wgmma_wait<1>();
      weigh(tile, i, statistics, scores, slopes);
      end_sums(at_.before(4), weights, slope_weights, key_sums, value_sums);
      weights.pack(scores);
      slope_weights.pack(slopes);
    }
    begin_sums(at_.before(2), weights, slope_weights, tile.count > 1, key_sums, value_sums);
    end_sums(at_.before(2), weights, slope_weights, key_sums, value_sums);
  }

  // `queries` is the stage of the queries, the next one that of their gradients.
  __device__ void begin_sums(const QueryRing::Place& queries, const TileWeights& weights,
                             const TileWeights& slope_weights, bool add, float (&key_sums)[kFeatureSums],
                             float (&value_sums)[kFeatureSums]) {
    wgmma_fence();
    add_weighted(weights, shared_.second.at(queries.after(1)), add, value_sums);
    add_weighted(slope_weights, shared_.second.at(queries), add, key_sums);
    wgmma_commit();
  }
  __device__ void end_sums(const QueryRing::Place& queries, TileWeights& weights, TileWeights& slope_weights,
                           float (&key_sums)[kFeatureSums], float (&value_sums)[kFeatureSums]) {
    wgmma_wait<0>();
    wgmma_settle(key_sums);
    wgmma_settle(value_sums);
    wgmma_settle(weights.words);
    wgmma_settle(slope_weights.words);
    shared_.second.release(queries);
    shared_.second.release(queries.after(1));
  }

  __device__ void load(const KeyTile& tile, int i, Statistics& statistics) {
    const Sm90Statistics* source = p_.of.statistics_of(tile.item, tile.head) + tile.begin + i * kQueries;
#pragma unroll
    for (int j = 0; j < kQueries / 8; ++j) {
      const float4 two = *reinterpret_cast<const float4*>(source + column_of(j, 0));
      statistics.log_sums[2 * j] = two.x, statistics.along[2 * j] = two.y;
      statistics.log_sums[2 * j + 1] = two.z, statistics.along[2 * j + 1] = two.w;
    }
  }

  // Scores become p, and slopes, which are dp, ds.
  __device__ void weigh(const KeyTile& tile, int i, const Statistics& statistics, float (&scores)[kScores],
                        float (&slopes)[kScores]) {
    wgmma_settle(scores);
    wgmma_settle(slopes);
#pragma unroll
    for (int n = 0; n < kScores; ++n) {
      const int column = n / 4 * 2 + n % 2;
      scores[n] = exp2_near(fmaf(scores[n], p_.of.h.rate, -statistics.log_sums[column]));
      slopes[n] = scores[n] * (slopes[n] - statistics.along[column]);
    }
    hide_unseen(tile.first + group_ * kGroupRows, tile.begin + i * kQueries, scores, slopes);
  }

  // Of queries that do not see a key, or do not exist.
  __device__ void hide_unseen(int first_key, int first_query, float (&weights)[kScores], float (&slopes)[kScores]) {
    const Sm90Heads& h = p_.of.h;
    if (first_key + kGroupRows <= h.visible(first_query) && first_query + kQueries <= h.queries) return;
#pragma unroll
    for (int n = 0; n < kScores; ++n) {
      const int query = first_query + column_of(n / 4, n % 2);
      if (first_key + row_of(n / 2 % 2) < h.visible(query) && query < h.queries) continue;
      weights[n] = slopes[n] = 0;
    }
  }

  const Parameters& p_;
  const Memory& shared_;
  const int group_;
  KeyRing::Place key_;
  QueryRing::Place at_;
};

__global__ __launch_bounds__(kThreadsOfAll, 1) void sm90_key_gradients_kernel(const __grid_constant__ Parameters p) {
  take_units<Memory, Producer, Consumer, kGroups, 40>(p);
}

// sums (rows, size) = those of the `readers` heads that share them, added in order.
__global__ void sm90_add_heads_kernel(const float* of_heads, int readers, int size, int64_t count, const Numbers sums) {
  for (int64_t four = first_unit(); four < count / 4; four += unit_step()) {
    const int64_t row = 4 * four / size, feature = 4 * four % size;
    float values[4] = {0, 0, 0, 0};
    for (int head = 0; head < readers; ++head) {
      float one[4];
      Numbers(of_heads).load<4, false>((row * readers + head) * size + feature, one);
      for (int e = 0; e < 4; ++e) values[e] += one[e];
    }
    sums.store<4>(4 * four, values);
  }
}

}  // namespace

// ---- launchers ----

void key_gradients_sm90(const KernelContext& context, const AttentionGeometry& g, const Sm90Gradients& gradients,
                        const Sm90GradientOperands& operands) {
  const int64_t count = g.batch * g.keys * g.key_stride();
  const bool shared = g.heads_per_key() > 1;
  const Scratch of_heads(context, shared ? 2 * count * g.heads_per_key() * sizeof(float) : 0);
  auto* keys = static_cast<float*>(of_heads.data());
  auto* values = keys + (shared ? count * g.heads_per_key() : 0);
  const TileOrder order = tile_order(g.batch * g.heads, g.keys, kKeys, g.queries);
  const Parameters p{operands.maps(kQueries, kKeys), order, gradients, shared ? Numbers(keys) : gradients.gk,
                     shared ? Numbers(values) : gradients.gv};
  launch(context, sm90_key_gradients_kernel, {resident_blocks(context, order.units()), kThreadsOfAll, Memory::kBytes},
         p);
  if (!shared) return;
  const auto add = [&](const float* parts, const Numbers& sums) {
    launch_threads(context, sm90_add_heads_kernel, count / 4, parts, static_cast<int>(g.heads_per_key()),
                   static_cast<int>(g.size), count, sums);
  };
  add(keys, gradients.gk);
  add(values, gradients.gv);
}

}  // namespace lmspt::cuda
