// Gradients of queries for compute capability 9.0, and what the softmax of each comes to. A block takes 128 queries of
// one head and goes over the keys, as in the forward pass: with p the weights so far and dp = <gy, v>, the slopes ds =
// p (dp - <gy, y>) weigh the keys. Scores and dp of the next tile are computed while slopes weigh this one.
#include "ops/attention/sm90_backward_cuda.h"

namespace lmspt::cuda {

namespace {

constexpr int kGroups = 2, kThreadsOfAll = (1 + kGroups) * kWarpGroup, kReaders = kGroups * kWarpGroup / 32;
constexpr int kQueries = kGroups * kGroupRows, kKeys = 128;  // of a tile

using Tile = Sm90QueryTile<kQueries>;
using QueryRing = CopyRing<4, kQueries * kSwizzleBytes, kReaders>;  // q and gy of this tile and of the next
using KeyRing = CopyRing<8, kKeys * kSwizzleBytes, kReaders>;       // of keys and values
using Memory = TwoRings<QueryRing, KeyRing>;

struct Parameters {
  Sm90GradientMaps maps;
  TileOrder order;
  Sm90Gradients of;
};

// ---- kernels ----

struct Producer {
  const Parameters& p;
  const Memory& shared;
  QueryRing::Place query{};
  KeyRing::Place at{};

  __device__ void take(int unit) {
    const Tile tile = Tile::of(p.of.h, p.order, unit);
    const int count = tile.key_tiles<kKeys>(p.of.h), key_head = tile.head / p.of.h.readers;
    shared.first.put(query, &p.maps.q, {{0, tile.head, tile.first, tile.item, 0}});
    shared.first.put(query, &p.maps.gy, {{0, tile.head, tile.first, tile.item, 0}});
    for (int i = 0; i < count; ++i) {
      shared.second.put(at, &p.maps.k, {{0, key_head, i * kKeys, tile.item, 0}});
      shared.second.put(at, &p.maps.v, {{0, key_head, i * kKeys, tile.item, 0}});
    }
  }
};

// One of the warp groups that multiply.
class Consumer {
 public:
  __device__ Consumer(const Parameters& p, const Memory& shared) : p_(p), shared_(shared), group_(warp_group() - 1) {}

  __device__ void take(int unit) {
    const int own = Tile::of(p_.of.h, p_.order, unit).key_tiles_of<kKeys>(p_.of.h, group_);
    shared_.first.wait(query_);
    shared_.first.wait(query_.after(1));
    if (own > 0) {
      float sums[kFeatureSums];
      Base2Softmax softmax;
      softmax.clear();
      sum_slopes(unit, own, softmax, sums);
      finish(unit, softmax, sums);
    }
    shared_.first.release(query_);
    shared_.first.release(query_.after(1));
    query_ = query_.after(2);
    const Tile tile = Tile::of(p_.of.h, p_.order, unit);
    const int unseen = tile.key_tiles<kKeys>(p_.of.h) - tile.key_tiles_of<kKeys>(p_.of.h, group_);  // others see them
    for (int i = 0; i < 2 * unseen; ++i) {
      shared_.second.wait(at_);
      shared_.second.release(at_);
      at_ = at_.after(1);
    }
  }

 private:
  using Slopes = Weights<kKeys / 16>;

  // sums = the slopes of the first `tiles` tiles, times keys; relative to the largest score.
  __device__ void sum_slopes(int unit, int tiles, Base2Softmax& softmax, float (&sums)[kFeatureSums]) {
    const Tile tile = Tile::of(p_.of.h, p_.order, unit);
    const int first = tile.first + group_ * kGroupRows;
    const Sm90Statistics* statistics = p_.of.statistics_of(tile.item, tile.head);
    float along[2];
    for (int r = 0; r < 2; ++r) {
      const int row = first + row_of(r);
      along[r] = row < p_.of.padded ? statistics[row].along : 0.f;
    }
    float scores[kKeys / 2], slopes[kKeys / 2], factors[2];
    Slopes weights;
    begin_products<kKeys>(shared_, query_, group_, at_, scores, slopes);
    wgmma_wait<0>();
    end_products(scores, slopes);
    weigh(first, 0, along, softmax, scores, slopes, factors);
    weights.pack(slopes);
    for (int i = 1; i < tiles; ++i) {
      begin_products<kKeys>(shared_, query_, group_, at_, scores, slopes);
      begin_sums(weights, at_.before(4), i > 1, sums);
      wgmma_wait<1>();
      end_products(scores, slopes);
      weigh(first, i * kKeys, along, softmax, scores, slopes, factors);
      end_sums(at_.before(4), weights, sums);
      scale_rows(factors, sums);
      weights.pack(slopes);
    }
    begin_sums(weights, at_.before(2), tiles > 1, sums);
    end_sums(at_.before(2), weights, sums);
  }

  __device__ void end_products(float (&scores)[kKeys / 2], float (&slopes)[kKeys / 2]) {
    wgmma_settle(scores);
    wgmma_settle(slopes);
    shared_.second.release(at_.before(1));
  }

  __device__ void begin_sums(const Slopes& weights, const KeyRing::Place& keys, bool add, float (&sums)[kFeatureSums]) {
    wgmma_fence();
    add_weighted(weights, shared_.second.at(keys), add, sums);
    wgmma_commit();
  }
  __device__ void end_sums(const KeyRing::Place& keys, Slopes& weights, float (&sums)[kFeatureSums]) {
    wgmma_wait<0>();
    wgmma_settle(sums);
    wgmma_settle(weights.words);
    shared_.second.release(keys);
  }

  // dp becomes ds.
  __device__ void weigh(int first, int first_key, const float (&along)[2], Base2Softmax& softmax,
                        float (&scores)[kKeys / 2], float (&slopes)[kKeys / 2], float (&factors)[2]) {
    hide_unseen<kKeys>(p_.of.h, first, first_key, scores);
    softmax.take(p_.of.h.rate, scores, factors);
#pragma unroll
    for (int i = 0; i < kKeys / 2; ++i) slopes[i] = scores[i] * (slopes[i] - along[i / 2 % 2]);
  }

  __device__ void finish(int unit, const Base2Softmax& softmax, float (&sums)[kFeatureSums]) {
    const Tile tile = Tile::of(p_.of.h, p_.order, unit);
    const int first = tile.first + group_ * kGroupRows;
    Sm90Statistics* statistics = p_.of.statistics_of(tile.item, tile.head);
    float factors[2];
    for (int r = 0; r < 2; ++r) {
      const float total = join_quad(softmax.total[r], Add());
      factors[r] = p_.of.h.scale / total;
      const int row = first + row_of(r);
      if (threadIdx.x % 4 == 0 && row < p_.of.padded) {
        statistics[row].log_sum = fmaf(softmax.top[r], p_.of.h.rate, log2f(total));
      }
    }
    scale_rows(factors, sums);
    store_rows(sums, p_.of.h, tile.item, p_.of.h.queries, p_.of.h.heads, tile.head, first, p_.of.gq);
  }

  const Parameters& p_;
  const Memory& shared_;
  const int group_;
  QueryRing::Place query_;
  KeyRing::Place at_;
};

__global__ __launch_bounds__(kThreadsOfAll, 1) void sm90_query_gradients_kernel(const __grid_constant__ Parameters p) {
  take_units<Memory, Producer, Consumer, kGroups, 40>(p);
}

}  // namespace

// ---- launchers ----

void query_gradients_sm90(const KernelContext& context, const AttentionGeometry& g, const Sm90Gradients& gradients,
                          const Sm90GradientOperands& operands) {
  const TileOrder order = tile_order(g.batch * g.heads, g.queries, kQueries, g.keys);
  const Parameters p{operands.maps(kQueries, kKeys), order, gradients};
  launch(context, sm90_query_gradients_kernel, {resident_blocks(context, order.units()), kThreadsOfAll, Memory::kBytes},
         p);
}

}  // namespace lmspt::cuda
