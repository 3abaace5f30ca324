// Chooses what a product along K is computed by.
#include <algorithm>
#include <string>

#include "device/error.h"
#include "gemm/cuda/outer_product.h"
#include "gemm/cuda/outer_units.h"
#include "gemm/cuda/sm90_outer.h"

namespace lmspt::cuda {

namespace {

constexpr int64_t kManyTasks = 4 * 132;    // for every multiprocessor of a large GPU four
constexpr int64_t kLeastPiece = 512;       // positions
constexpr int64_t kMostPiece = 16 * 1024;  // so that sums do not lose digits

bool are_fours(const OuterProduct& o) {
  const RowsOfA& q = o.taps;
  int64_t all = o.p_item | o.p_group | o.p_pitch | o.rows;
  if (!o.panels.data) {
    for (int64_t number : {q.item, q.outer, q.group, q.h.pitch, q.w.pitch, int64_t{q.channels}}) all |= number;
  }
  return all % 4 == 0 && are_in_fours(o.p) && (o.panels.data || are_in_fours(q.x));
}

int64_t tiles_of(const OuterProduct& o, int64_t size) {
  return o.items * o.groups * ((o.rows + size - 1) / size) * ((o.columns + size - 1) / size);
}

void run(const KernelContext& context, Precision precision, const OuterProduct& o, bool in_pieces) {
  if (o.items * o.groups * o.rows * o.columns == 0) return;
  if (o.depth >= kBeyondAll || o.rows >= kBeyondAll || o.columns >= kBeyondAll) {
    throw Error(ErrorCode::unsupported, "Expected matrices of fewer than 2^30 rows and columns on cuda, got " +
                                            std::to_string(o.depth) + " by " + std::to_string(o.rows) + " and " +
                                            std::to_string(o.columns));
  }
  if (in_pieces && takes_sm90_outer(context, precision, o)) return run_sm90_outer(context, precision, o);
  OuterChoice choice{are_fours(o), o.rows > 64 && o.columns > 64, 1};
  if (in_pieces) {
    const int64_t enough = kManyTasks / tiles_of(o, choice.large ? 128 : 64);
    choice.pieces = std::max(enough, (o.depth + kMostPiece - 1) / kMostPiece);
    choice.pieces = std::max<int64_t>(1, std::min(choice.pieces, o.depth / kLeastPiece));
  } else {
    choice.large &= tiles_of(o, 128) >= kManyTasks / 4;
  }
  switch (precision) {
    case Precision::tf32: return sum_tf32(context, o, choice);
    case Precision::bf16: return sum_bf16(context, o, choice);
    case Precision::bf16x3: return sum_bf16x3(context, o, choice);
    default: return sum_float32(context, o, choice);
  }
}

}  // namespace

void run_outer_product(const KernelContext& context, Precision precision, const OuterProduct& o) {
  run(context, precision, o, false);
}

void run_weight_gradient(const KernelContext& context, Precision precision, const OuterProduct& o) {
  run(context, precision, o, true);
}

}  // namespace lmspt::cuda
