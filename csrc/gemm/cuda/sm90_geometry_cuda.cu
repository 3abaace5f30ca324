#include <algorithm>

#include "gemm/cuda/product_units.h"
#include "gemm/cuda/sm90_geometry.h"

namespace lmspt::cuda {

void choose_box(const Product& p, int most_height, Sm90Tiling& tiling) {
  const int across = static_cast<int>(std::min<int64_t>(p.rows, p.a.positions_w.value()));
  const int height = up(p.rows, across);
  int best = kSm90Rows;
  const auto height_of = [&](int width) { return std::min(kSm90Rows / width, most_height); };
  const auto boxes = [&](int width) { return int64_t{up(across, width)} * up(height, height_of(width)); };
  for (int width = kSm90Rows - 1; width > 0 && height > 1; --width) {
    const bool fills = width * height_of(width) > kSm90Rows - 8;
    if (fills && boxes(width) < boxes(best)) best = width;
  }
  tiling.width = Divisor(best);
  tiling.height = height == 1 ? 1 : height_of(best);
  tiling.kept_width = best, tiling.kept_height = tiling.height;
  tiling.width_of_item = across;
  tiling.down = Divisor(p.ragged.ends ? p.ragged.slots(kSm90Rows) : boxes(best));
  tiling.boxes_across = p.ragged.ends ? tiling.down : Divisor(up(across, best));
}

Sm90Walk walk_of(Precision precision, const Product& p) {
  const RowsOfA& a = p.a;
  Sm90Walk walk;
  walk.channel_blocks = (a.tap_words.value() + 31) / 32;  // words of 128 bytes
  const bool both = a.w.stride > 1 && a.h.stride > 1;
  walk.h = Sm90Axis::of(a.h, taps_along_h(a), a.h.dilation, both ? 1 : a.h.stride);
  walk.h_step = both ? a.h.stride : 1;
  const Taps along_w = taps_along_w(a);
  walk.w = Sm90Axis::of(a.w, along_w.count, along_w.dilation, a.w.stride);
  walk.taps_w = Divisor(walk.w.taps);
  const Axis& strided = a.w.stride > 1 ? a.w : a.h;
  walk.longer = strided.in % strided.stride == 0 ? strided.stride : strided.in % strided.stride;
  walk.items_of_plane = precision == Precision::bf16x3 ? static_cast<int>(p.items) : 0;
  walk.b_item = p.b.item > 0, walk.b_group = p.groups > 1;
  return walk;
}

void map_a(Sm90Product& q, bool halves, int planes) {
  const RowsOfA& a = q.p.a;
  const int stride_h = q.walk.h.stride.value(), stride_w = q.walk.w.stride.value();
  for (int i = 0; i < 2; ++i) {
    const auto rows = [&](const Axis& axis, int stride) {
      return up(axis.in, stride) - (i == 1 && stride > 1 && q.walk.longer < stride);
    };
    const int64_t along_w = rows(a.w, stride_w), along_h = is_image(a) ? rows(a.h, stride_h) : q.p.groups;
    q.walk.none[i] = along_w == 0 || along_h == 0;
    q.a[i] = tensor_map({a.x.data,
                         halves,
                         {a.channels, int64_t{stride_h} * stride_w, std::max<int64_t>(along_w, 1),
                          std::max<int64_t>(along_h, 1), q.p.items * planes},
                         {stride_h > 1 ? a.h.pitch : a.w.pitch, stride_w * a.w.pitch,
                          is_image(a) ? stride_h * a.h.pitch : a.channels, std::max(a.item, a.w.pitch)},
                         {halves ? 64 : 32, 1, q.tiling.width.value(), q.tiling.height, 1}});
  }
}

void map_b(Sm90Product& q, bool halves, int planes, int box_columns) {
  const ColumnsOfB& b = q.p.b;
  const int64_t floats = halves ? 2 : 1, channels = q.p.a.tap_words.value() * floats;
  const int64_t taps = int64_t{q.walk.h.taps} * q.walk.w.taps;
  const int64_t count = q.walk.b_item ? q.p.items : q.p.groups;
  for (int plane = 0; plane < 2; ++plane) {
    const uint32_t* data = b.data + (plane < planes ? plane * b.plane : 0);
    q.b[plane] = tensor_map({data,
                             halves,
                             {channels, taps, b.columns > 0 ? b.columns : q.p.columns, count, 1},
                             {channels, channels * taps, b.group * floats, kMapBytes},
                             {halves ? 64 : 32, 1, box_columns, 1, 1}});
  }
}

int gap_of(const Product& p) {
  const Axis& w = p.a.w;
  const Sm90Axis axis = walk_of(Precision::bf16, p).w;
  const int reach = (p.ragged.extra - 1) * w.stride + w.origin + (axis.taps - 1) * axis.dilation + 1;
  return up(std::max({-w.origin, reach, 1}), w.stride) * w.stride;
}

}  // namespace lmspt::cuda
