// Which weight gradients have their taps along h as shifts, their boxes and their pieces.
#include <algorithm>

#include "device/setting.h"
#include "gemm/cuda/outer_kernel.h"
#include "gemm/cuda/sm90_operands.h"
#include "gemm/cuda/sm90_positions.h"
#include "gemm/cuda/sm90_shifted_outer.h"
#include "gemm/cuda/sm90_shifted_outer_kernel.h"

namespace lmspt::cuda {

namespace {

constexpr int kLeastTaps = 2, kMostTaps = 4;  // along h

void choose_pieces(const Positions& at, Sm90ShiftedOuter& q) {
  q.blocks_w = up(at.w.out, kOuterStep), q.blocks_h = up(at.h.out, kOuterStep);
  q.blocks = static_cast<int>(at.items * q.blocks_w * q.blocks_h);
  q.pairs = up(at.w.taps, 2), q.across = up(q.o.taps.channels, kOuterWidth);
  const Pieces pieces = Pieces::of(q.pairs * q.across, q.blocks, kOuterStep * kOuterStep);
  q.piece = pieces.blocks, q.pieces = pieces.count;
  q.units = q.pairs * q.across * q.pieces;
}

void map_images(const Positions& at, const void* p, const void* x, Sm90ShiftedOuter& q) {
  const OuterProduct& o = q.o;
  const Axis &h = at.h.x, &w = at.w.x;
  const int64_t p_row = o.p_pitch * at.w.out;
  q.p = tensor_map({p,
                    true,
                    {o.rows, 1, at.w.out, at.h.out, at.items},
                    {o.p_pitch, o.p_pitch, p_row, at.h.out * p_row},
                    {kOuterWidth, 1, kOuterStep, kOuterStep, 1}});
  q.longer = longer_rests(w);
  for (int i = 0; i < 2; ++i) {
    const int positions = up(w.in, w.stride) - (q.longer < w.stride ? i : 0);
    q.q[i] = tensor_map({x,
                         true,
                         {o.taps.channels, w.stride, positions, h.in, at.items},
                         {w.pitch, w.stride * w.pitch, h.pitch, o.taps.outer},
                         {kOuterWidth, 1, kOuterStep, kOuterStep + q.reach, 1}});
  }
}

template <int kTaps>
void launch_taps(const KernelContext& context, int taps, const Sm90ShiftedOuter& q) {
  if constexpr (kTaps < kMostTaps) {
    if (taps > kTaps) return launch_taps<kTaps + 1>(context, taps, q);
  }
  using Tile = ShiftedOuterTile<kTaps>;
  launch(context, sm90_shifted_outer_kernel<Tile>,
         {resident_blocks(context, q.units), kSm90Threads, Tile::kSharedBytes}, q);
}

}  // namespace

bool takes_sm90_shifted_outer(Precision precision, const OuterProduct& o) {
  if (precision != Precision::bf16 || o.groups > 1 || o.rows > kOuterWidth) return false;
  const Positions at = positions_of(o);
  const int taps = at.h.taps;
  return at.image && at.h.x.stride == 1 && taps >= kLeastTaps && taps <= kMostTaps && at.w.taps > 1 &&
         (taps - 1) * at.h.x.dilation <= kOuterReach && !is_switched_off("LMSPT_CUDA_SHIFTS");
}

void run_sm90_shifted_outer(const KernelContext& context, const OuterProduct& o) {
  const Positions at = positions_of(o);
  Sm90ShiftedOuter q{};
  q.o = o;
  q.w = Sm90Axis::of(at.w.x, at.w.taps, at.w.x.dilation, at.w.x.stride);
  q.first = at.h.x.origin, q.step = at.h.x.dilation, q.reach = (at.h.taps - 1) * q.step;
  choose_pieces(at, q);
  const Operands p(context, Precision::bf16, o.p, o.depth * o.p_pitch);
  const Operands x(context, Precision::bf16, o.taps.x, at.items * o.taps.outer);
  map_images(at, p.data(), x.data(), q);
  const Scratch partial(context, q.pieces == 1 ? 0 : q.pieces * o.rows * o.columns * sizeof(float));
  q.partial = static_cast<float*>(partial.data());
  launch_taps<kLeastTaps>(context, at.h.taps, q);
  if (q.partial) add_pieces(context, o, q.pieces, q.partial);
}

}  // namespace lmspt::cuda
