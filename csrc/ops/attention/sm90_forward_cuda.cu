// Attention for compute capability 9.0. A block takes 192 queries of one head. One thread copies keys and values into a
// ring, as far ahead as it is large; three warp groups have 64 queries each and go over the keys tile by tile, with a
// running softmax (Dao et al. 2022). While a group weighs the values of a tile, its scores of the next one are computed
// already, and their softmax runs beside the product (Shah et al. 2024). Groups ask for products in turn, so that the
// softmax of one meets the products of another.
#include "ops/attention/sm90_attention.h"
#include "ops/attention/sm90_operands_cuda.h"
#include "ops/attention/sm90_tiles_cuda.h"

namespace lmspt::cuda {

namespace {

constexpr int kGroups = 3, kThreadsOfAll = (1 + kGroups) * kWarpGroup, kReaders = kGroups * kWarpGroup / 32;
constexpr int kQueries = kGroups * kGroupRows, kKeys = 128;  // of a tile

using Tile = Sm90QueryTile<kQueries>;
using QueryRing = CopyRing<2, kQueries * kSwizzleBytes, kReaders>;  // of this tile and the next
using KeyRing = CopyRing<8, kKeys * kSwizzleBytes, kReaders>;       // of keys and values
using Memory = TwoRings<QueryRing, KeyRing, kGroups>;               // and the turns of groups

struct Parameters {
  CUtensorMap q, k, v;
  Sm90Heads h;
  TileOrder order;
  Numbers y;
};

// ---- kernels ----

// The order in which groups read the ring: K0, K1, V0, K2, V1, ..., the last V.
struct Producer {
  const Parameters& p;
  const Memory& shared;
  QueryRing::Place query{};
  KeyRing::Place at{};

  __device__ void take(int unit) {
    const Tile tile = Tile::of(p.h, p.order, unit);
    const int count = tile.key_tiles<kKeys>(p.h), key_head = tile.head / p.h.readers;
    shared.first.put(query, &p.q, {{0, tile.head, tile.first, tile.item, 0}});
    for (int i = 0; i < 2 * count; ++i) {
      const bool is_key = i == 0 || (i % 2 == 1 && i < 2 * count - 1);
      const int first = (is_key ? (i + 1) / 2 : (i - 1) / 2) * kKeys;
      shared.second.put(at, is_key ? &p.k : &p.v, {{0, key_head, first, tile.item, 0}});
    }
  }
};

// One of the warp groups that multiply.
class Consumer {
 public:
  __device__ Consumer(const Parameters& p, const Memory& shared) : p_(p), shared_(shared), group_(warp_group() - 1) {}

  __device__ void take(int unit) {
    const int own = Tile::of(p_.h, p_.order, unit).key_tiles_of<kKeys>(p_.h, group_);
    shared_.first.wait(query_);
    if (own == 0) {
      end_queries();
      skip(1);
      return pass(1, Tile::of(p_.h, p_.order, unit).key_tiles<kKeys>(p_.h));
    }
    const int first = Tile::of(p_.h, p_.order, unit).first + group_ * kGroupRows;
    float scores[kKeys / 2], sums[kFeatureSums], factors[2];
    Weights<kKeys / 16> weights;
    Base2Softmax softmax;
    softmax.clear();
    begin_scores(scores);
    wgmma_wait<0>();
    end_scores(scores);
    at_ = at_.after(1);
    hide_unseen<kKeys>(p_.h, first, 0, scores);
    softmax.take(p_.h.rate, scores, factors);
    weights.pack(scores);
    for (int i = 1; i < own; ++i) {
      begin_turn();
      begin_scores(scores);
      begin_values(at_.after(1), weights, i > 1, sums);
      end_turn();
      wgmma_wait<1>();
      end_scores(scores);
      hide_unseen<kKeys>(p_.h, first, i * kKeys, scores);
      softmax.take(p_.h.rate, scores, factors);
      end_values(at_.after(1), weights, sums);
      at_ = at_.after(2);
      scale_rows(factors, sums);
      weights.pack(scores);
    }
    finish(unit, own > 1, weights, softmax, sums);
  }

 private:
  // The values of the last tile. Groups after this one may see more keys.
  __device__ void finish(int unit, bool add, Weights<kKeys / 16>& weights, const Base2Softmax& softmax,
                         float (&sums)[kFeatureSums]) {
    const Tile tile = Tile::of(p_.h, p_.order, unit);
    const int own = tile.key_tiles_of<kKeys>(p_.h, group_), count = tile.key_tiles<kKeys>(p_.h);
    end_queries();
    if (own < count) {
      begin_turn();
      end_turn();
      skip(1);
    }
    begin_values(at_, weights, add, sums);
    end_values(at_, weights, sums);
    at_ = at_.after(1);
    if (own < count) pass(own + 1, count);
    float factors[2];
    for (int r = 0; r < 2; ++r) factors[r] = 1 / join_quad(softmax.total[r], Add());
    scale_rows(factors, sums);
    store_rows(sums, p_.h, tile.item, p_.h.queries, p_.h.heads, tile.head, tile.first + group_ * kGroupRows, p_.y);
  }

  __device__ void begin_scores(float (&scores)[kKeys / 2]) {
    shared_.second.wait(at_);
    wgmma_fence();
    multiply_heads<kKeys>(shared_.first.at(query_) + group_ * kGroupRows * kSwizzleBytes, shared_.second.at(at_),
                          scores);
    wgmma_commit();
  }
  __device__ void end_scores(float (&scores)[kKeys / 2]) {
    wgmma_settle(scores);
    shared_.second.release(at_);
  }

  __device__ void begin_values(const KeyRing::Place& values, const Weights<kKeys / 16>& weights, bool add,
                               float (&sums)[kFeatureSums]) {
    shared_.second.wait(values);
    wgmma_fence();
    add_weighted(weights, shared_.second.at(values), add, sums);
    wgmma_commit();
  }
  __device__ void end_values(const KeyRing::Place& values, Weights<kKeys / 16>& weights, float (&sums)[kFeatureSums]) {
    wgmma_wait<0>();
    wgmma_settle(sums);
    wgmma_settle(weights.words);
    shared_.second.release(values);
  }

  __device__ void end_queries() {
    shared_.first.release(query_);
    query_ = query_.after(1);
  }

  // Stages that the group does not read: one by one, or from the keys of a tile on with their turns.
  __device__ void skip(int stages) {
    for (int i = 0; i < stages; ++i) {
      shared_.second.wait(at_);
      shared_.second.release(at_);
      at_ = at_.after(1);
    }
  }

  __device__ void pass(int tile, int count) {
    for (; tile < count; ++tile) {
      begin_turn();
      end_turn();
      skip(2);
    }
    skip(1);
  }

  // The first turn is that of the first group.
  __device__ void begin_turn() {
    barrier_wait(shared_.more + group_, group_ == 0 ? turn_ ^ 1 : turn_);
    turn_ ^= 1;
  }
  __device__ void end_turn() {
    if (threadIdx.x % 32 == 0) barrier_arrive(shared_.more + (group_ + 1) % kGroups);
  }

  const Parameters& p_;
  const Memory& shared_;
  const int group_;
  int turn_ = 0;
  QueryRing::Place query_;
  KeyRing::Place at_;
};

__global__ __launch_bounds__(kThreadsOfAll, 1) void sm90_attention_kernel(const __grid_constant__ Parameters p) {
  take_units<Memory, Producer, Consumer, kGroups, 32>(p);
}

}  // namespace

// ---- launchers ----

bool takes_sm90_attention(const KernelContext& context, const AttentionGeometry& g) {
  constexpr int64_t kMost = int64_t{1} << 30;  // of what kernels count in 32 bits
  return gpu_of(context).wgmma && g.size <= kSm90Features && g.size % 8 == 0 && g.scale > 0 && g.batch > 0 &&
         g.queries > 0 && g.batch * g.heads * g.queries < kMost && g.batch * g.heads * g.keys < kMost;
}

void attention_sm90(const KernelContext& context, const AttentionGeometry& g) {
  const RoundedHeads q(context, context.in(0)), k(context, context.in(1)), v(context, context.in(2));
  const TileOrder order = tile_order(g.batch * g.heads, g.queries, kQueries, g.keys);
  const Parameters p{q.map(kQueries), k.map(kKeys), v.map(kKeys), Sm90Heads(g), order, Numbers(context.out(0))};
  launch(context, sm90_attention_kernel, {resident_blocks(context, order.units()), kThreadsOfAll, Memory::kBytes}, p);
}

}  // namespace lmspt::cuda
