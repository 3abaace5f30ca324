// Weight gradients for compute capability 9.0: their geometry as tensor maps, their operands, their pieces.
#include "gemm/cuda/outer_kernel.h"
#include "gemm/cuda/sm90_operands.h"
#include "gemm/cuda/sm90_outer.h"
#include "gemm/cuda/sm90_outer_units.h"
#include "gemm/cuda/sm90_positions.h"
#include "gemm/cuda/sm90_product.h"
#include "gemm/cuda/sm90_shifted_outer.h"

namespace lmspt::cuda {

namespace {

constexpr int64_t kLeastSize = 32;    // outputs and inputs, of which tiles are half empty or more
constexpr int kFewRows = 4;           // tiles, of which a partner without rows wastes more than a pair gains
constexpr int kNowhere = -(1 << 28);  // outside of every map, and in bytes a number of 32 bits

struct Operand {
  const void* data;
  int64_t items;  // of all planes
};

// ---- operands with their columns side by side ----

// Blocks are as wide as they can be without being cut at the end of a row.
void choose_block(const Positions& at, Sm90Outer& q) {
  int best = 1;
  for (int width = 2; width <= 64; width *= 2) {
    if (at.w.out % width == 0 &&
        up(at.h.out, 64 / width) * (at.w.out / width) <= up(at.h.out, 64 / best) * (at.w.out / best)) {
      best = width;
    }
  }
  q.width = best, q.height = 64 / best;
  q.half_w = q.height == 1 ? q.width / 2 : 0, q.half_h = q.height / 2;
}

// Where each tap along h begins, in rows of its rest modulo the stride, and how many of those it reads: none beyond the
// last output's.
struct TapRows {
  int rest, first, rows;
};

TapRows rows_of_tap(const TapAxis& h, int tap) {
  const Sm90Axis axis = Sm90Axis::of(h.x, h.taps, h.x.dilation, h.x.stride);
  const int offset = tap * axis.dilation + axis.origin, rest = offset % h.x.stride;
  const int first = offset / h.x.stride + axis.first;
  const int rows = std::min(up(h.x.in - rest, h.x.stride), h.out + first);
  return rows > 0 ? TapRows{rest, first, rows} : TapRows{0, kNowhere, 1};
}

int maps_of(const Positions& at) { return at.h.taps * (longer_rests(at.w.x) < at.w.x.stride ? 2 : 1); }

void map_across(const OuterProduct& o, const Positions& at, const Operand& p, const Operand& x, bool pairs,
                Sm90Outer& q) {
  const int width = pairs && q.half_w > 0 ? q.half_w : q.width, height = pairs && q.half_h > 0 ? q.half_h : q.height;
  const int64_t p_row = o.p_pitch * at.w.out, pixel = at.image ? at.w.x.pitch : 8;
  q.p = tensor_map({p.data,
                    true,
                    {o.rows, 1, at.image ? at.w.out : o.groups, at.h.out, p.items},
                    {o.p_pitch, at.image ? o.p_pitch : std::max<int64_t>(o.p_group, 8), p_row, at.h.out * p_row},
                    {64, 1, q.width, q.height, 1}});
  const Axis &h = at.h.x, &w = at.w.x;
  q.longer = longer_rests(w);
  for (int i = 0; i < maps_of(at); ++i) {
    const int tap = i % q.taps_h, positions = up(w.in, w.stride) - i / q.taps_h;
    const TapRows rows = rows_of_tap(at.h, tap);
    q.first[tap] = rows.first;
    q.q[i] = tensor_map(
        {static_cast<const uint16_t*>(x.data) + rows.rest * h.pitch,
         true,
         {o.taps.channels, w.stride, at.image ? positions : o.groups, rows.rows, x.items},
         {pixel, at.image ? w.stride * pixel : std::max<int64_t>(o.taps.group, 8), h.stride * h.pitch, o.taps.outer},
         {64, 1, width, height, 1}});
  }
  q.w = Sm90Axis::of(w, at.w.taps, w.dilation, w.stride);
  q.w_step = 1;
}

// ---- operands with their positions side by side ----

constexpr int kAlignment = 4;  // numbers of 16 bytes, at multiples of which boxes begin along K

// How many positions further a tap begins in the plane that lets it.
int shift_of(const TapRows& rows) { return -rows.first & (kAlignment - 1); }

// Of P; of Q with its rows, rests and pixels, in as many planes as its taps need.
Transposed transposed_p(const OuterProduct& o, const Positions& at) {
  return {at.items, at.h.out, at.w.out, 1, o.p_pitch, 1};
}
Transposed transposed_q(const Positions& at) {
  int planes = 1;
  for (int tap = 0; tap < at.h.taps; ++tap) planes = std::max(planes, 1 + shift_of(rows_of_tap(at.h, tap)));
  return {at.items, at.h.x.in, at.image ? at.w.x.in : 1, at.h.x.stride, at.image ? at.w.x.pitch : at.h.x.pitch, planes};
}

void map_along(const OuterProduct& o, const Positions& at, const void* p, const void* x, int box_columns,
               Sm90Outer& q) {
  const Transposed of_p = transposed_p(o, at), of_q = transposed_q(at);
  q.p = tensor_map({p,
                    false,
                    {at.h.out, o.rows, at.image ? at.w.out : o.groups, at.items, 1},
                    {of_p.pitch(), (at.image ? o.p_pitch : o.p_group) * of_p.pitch(), of_p.item(), 4},
                    {q.height, kSm90Rows, 1, 1, 1}});
  for (int tap = 0; tap < q.taps_h; ++tap) {
    const TapRows rows = rows_of_tap(at.h, tap);
    const int shift = shift_of(rows);
    q.first[tap] = rows.first + shift;
    q.q[tap] =
        tensor_map({static_cast<const float*>(x) + shift * of_q.plane() + rows.rest * of_q.columns * of_q.pitch(),
                    false,
                    {rows.rows + shift, o.taps.channels, at.image ? at.w.x.in : o.groups, at.items, 1},
                    {of_q.pitch(), at.image ? of_q.pixel() : o.taps.group * of_q.pitch(), of_q.item(), 4},
                    {q.height, box_columns, 1, 1, 1}});
  }
  q.w = Sm90Axis::of(at.w.x, at.w.taps, at.w.x.dilation, 1);
  q.w_step = at.w.x.stride;
}

// ---- choice ----

// Tiles that waste least of a tap's channels.
int choose_columns(int64_t channels) {
  int best = 256;
  for (int columns : {192, 128, 64}) {
    const auto padded = [&](int width) { return (channels + width - 1) / width * width; };
    if (padded(columns) < padded(best)) best = columns;
  }
  return best;
}

// Pairs halve the copies of columns, where there are rows for both and tasks for all.
bool choose_pairs(const KernelContext& context, const Positions& at, const Sm90Outer& q) {
  const int64_t tasks = int64_t{1} * q.down * q.across * at.h.taps * at.w.taps * q.groups * q.pieces;
  return (q.down % 2 == 0 || q.down > kFewRows) && tasks >= gpu_of(context).multiprocessors;
}

void choose_pieces(const OuterProduct& o, const Positions& at, int columns, Sm90Outer& q) {
  q.o = o;
  q.groups = static_cast<int>(o.groups), q.items = static_cast<int>(at.items);
  q.taps_h = at.h.taps;
  q.down = up(o.rows, kSm90Rows), q.across = up(o.taps.channels, columns);
  q.blocks_w = at.w.out / q.width, q.blocks_h = up(at.h.out, q.height);
  q.blocks = static_cast<int>(at.items * q.blocks_w * q.blocks_h);
  const int64_t tiles = int64_t{1} * q.down * q.across * at.h.taps * at.w.taps * q.groups;
  const Pieces pieces = Pieces::of(tiles, q.blocks, q.width * q.height);
  q.piece = pieces.blocks, q.pieces = pieces.count;
}

void sum(const KernelContext& context, Precision precision, Sm90Outer& q, const Sm90Choice& choice) {
  switch (precision) {
    case Precision::tf32: return sum_sm90_tf32(context, q, choice);
    case Precision::bf16x3: return sum_sm90_bf16x3(context, q, choice);
    default: return sum_sm90_bf16(context, q, choice);
  }
}

}  // namespace

bool takes_sm90_outer(const KernelContext& context, Precision precision, const OuterProduct& o) {
  const RowsOfA& q = o.taps;
  if (!has_sm90_engine(context, precision) || o.panels.data || o.items != 1 || o.depth == 0) return false;
  if (o.rows < kLeastSize || q.channels < kLeastSize || (o.rows | q.channels) % 8 != 0) return false;
  if (o.depth % q.positions.value() != 0 || q.h.in == 0 || q.w.in == 0) return false;
  const Positions at = positions_of(o);
  return at.w.x.in >= at.w.x.stride && maps_of(at) <= kMostOuterMaps;
}

void run_sm90_outer(const KernelContext& context, Precision precision, const OuterProduct& o) {
  if (takes_sm90_shifted_outer(precision, o)) return run_sm90_shifted_outer(context, o);
  const Positions at = positions_of(o);
  const int columns = choose_columns(o.taps.channels);
  const bool along = precision == Precision::tf32;
  Sm90Outer q{};
  if (along) {
    q.width = 1, q.height = 32;
  } else {
    choose_block(at, q);
  }
  choose_pieces(o, at, columns, q);
  const Sm90Choice choice{columns, choose_pairs(context, at, q)};

  const Scratch partial(context, q.pieces == 1 ? 0 : q.pieces * o.groups * o.rows * o.columns * sizeof(float));
  q.partial = static_cast<float*>(partial.data());
  if (along) {
    const Transposed of_p = transposed_p(o, at), of_x = transposed_q(at);
    const Scratch p(context, static_cast<size_t>(of_p.count()) * sizeof(float));
    const Scratch x(context, static_cast<size_t>(of_x.count()) * sizeof(float));
    make_operands_along_k(context, static_cast<const float*>(o.p.data), of_p, p.data());
    make_operands_along_k(context, static_cast<const float*>(o.taps.x.data), of_x, x.data());
    map_along(o, at, p.data(), x.data(), choice.pairs ? columns / 2 : columns, q);
    sum(context, precision, q, choice);
  } else {
    const Operands p(context, precision, o.p, o.depth * o.p_pitch);
    const Operands x(context, precision, o.taps.x, at.items * o.taps.outer);
    const int64_t items = at.items * (precision == Precision::bf16x3 ? 2 : 1);
    map_across(o, at, {p.data(), items}, {x.data(), items}, choice.pairs, q);
    sum(context, precision, q, choice);
  }
  if (q.partial) add_pieces(context, o, q.pieces, q.partial);
}

}  // namespace lmspt::cuda
