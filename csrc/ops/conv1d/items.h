// Items of different lengths, one after the other in a batch of one: what conv1d, fused_residual_unit and
// conv_transpose1d have in common. Their input `ends` (items, i32), where it is given, says in frames where items
// end, in ascending order; each begins where the one before ends. A frame has `frame_rows` rows of x. Of every item the
// last `missing` rows are not there; they count as outside. y has each item's rows, those of the item alone, in as many
// frames. What else there is of y, rows that are missing from it and those behind the last item, is written, but means
// nothing.
#pragma once

#include "device/attrs.h"
#include "device/tensor.h"
#include "ops/conv1d/conv_inputs.h"

namespace lmspt {

struct ItemRows {
  int64_t frames;            // of all items and behind them
  int64_t in, missing, out;  // rows of x of a frame, those that an item lacks, rows of y of a frame
};

LMSPT_INLINE ItemRows item_rows(const Shape& x, const Shape& y, const Attrs& attrs) {
  const int64_t in = attrs.i("frame_rows"), frames = x[1] / in;
  return {frames, in, attrs.i("missing"), y[1] / frames};
}

}  // namespace lmspt
