#include "device/cpu/rows.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kPiece = 16384;  // pairs per task

// ---- kernels ----

double distance_of(const float* a, const float* b, int64_t count) {
  return sum_row(count, [=](int64_t i, int64_t left) {
    const Vec difference = load_left(a + i, left) - load_left(b + i, left);
    return max(broadcast(0) - difference, difference);
  });
}

void gradient_of(const float* a, const float* b, float scale, float* ga, int64_t count) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const Vec x = load_left(a + i, count - i), y = load_left(b + i, count - i);
    const Vec above = select_less(y, x, broadcast(scale), broadcast(0));
    store_left(select_less(x, y, broadcast(-scale), above), ga + i, count - i);
  }
}

// ---- launchers ----

// Calls body(piece, its first pair, its pairs) for all pieces.
template <class Body>
void for_pieces(const KernelContext& context, const Body& body) {
  const int64_t count = context.in(0).shape.count();
  parallel_for(context.pool, (count + kPiece - 1) / kPiece, [&](int64_t piece, int) {
    const int64_t first = piece * kPiece;
    body(piece, first, count - first < kPiece ? count - first : kPiece);
  });
}

// The caller is worker 0, and no task asks for scratch: its buffer holds the sums of all pieces.
void l1_distance(const KernelContext& context) {
  const int64_t count = context.in(0).shape.count(), pieces = (count + kPiece - 1) / kPiece;
  auto* totals = static_cast<double*>(context.pool->scratch(0, pieces * sizeof(double)));
  for_pieces(context, [&](int64_t piece, int64_t first, int64_t size) {
    totals[piece] = distance_of(context.in(0).f32() + first, context.in(1).f32() + first, size);
  });
  double total = 0;
  for (int64_t piece = 0; piece < pieces; ++piece) total += totals[piece];
  *context.out(0).f32() = static_cast<float>(total / static_cast<double>(count));
}

void l1_distance_grad(const KernelContext& context) {
  const auto scale = static_cast<float>(*context.in(2).f32() / static_cast<double>(context.in(0).shape.count()));
  for_pieces(context, [&](int64_t, int64_t first, int64_t size) {
    gradient_of(context.in(0).f32() + first, context.in(1).f32() + first, scale, context.out(0).f32() + first, size);
  });
}

}  // namespace

void register_distance_cpu(KernelTable& table) {
  table.add("l1_distance", l1_distance);
  table.add("l1_distance_grad", l1_distance_grad);
}

}  // namespace lmspt::LMSPT_ISA
