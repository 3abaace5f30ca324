// The operands of products along K, position by position: where neighbouring columns of one position lie, by their
// place among the operand's numbers.
#pragma once

#include "gemm/cuda/outer_product.h"

namespace lmspt::cuda {

constexpr int64_t kNoPlace = -1;

// P: dense rows.
class RowsOfP {
 public:
  // Columns from `column` on, of the task's item and group.
  __device__ RowsOfP(const OuterProduct& o, int64_t item, int64_t group, int column)
      : o_(o), inside_(column < o.rows), start_(item * o.p_item + group * o.p_group + column) {}

  __device__ const Numbers& numbers() const { return o_.p; }
  __device__ int64_t at(int position) const { return inside_ ? start_ + position * o_.p_pitch : kNoPlace; }

 private:
  const OuterProduct& o_;
  bool inside_;
  int64_t start_;
};

// Q: what the tap of a column meets at each position.
class RowsOfTaps {
 public:
  __device__ RowsOfTaps(const OuterProduct& o, int64_t item, int64_t group, int column)
      : taps_(o.taps), inside_(column < o.columns) {
    const Parts tap = divide(column, o.taps.tap_words), at = divide(tap.quotient, o.taps.taps_w);
    h_ = at.quotient * o.taps.h.dilation + o.taps.h.origin;
    w_ = at.rest * o.taps.w.dilation + o.taps.w.origin;
    start_ = item * o.taps.item + group * o.taps.group + tap.rest;
  }

  __device__ const Numbers& numbers() const { return taps_.x; }
  __device__ int64_t at(int position) const {
    const Parts outer = divide(position, taps_.positions), at = divide(outer.rest, taps_.positions_w);
    const int h = at.quotient * taps_.h.stride + h_, w = at.rest * taps_.w.stride + w_;
    const bool inside = inside_ && static_cast<unsigned>(h) < static_cast<unsigned>(taps_.h.in) &&
                        static_cast<unsigned>(w) < static_cast<unsigned>(taps_.w.in);
    return inside ? start_ + outer.quotient * taps_.outer + h * taps_.h.pitch + w * taps_.w.pitch : kNoPlace;
  }

 private:
  const RowsOfA& taps_;
  bool inside_;
  int h_, w_;
  int64_t start_;
};

// Q: float32 panels, which have zeros beyond the last column.
class RowsOfPanels {
 public:
  __device__ RowsOfPanels(const OuterProduct& o, int64_t item, int64_t group, int column)
      : panels_(reinterpret_cast<const float*>(o.panels.data)),
        inside_(column < (o.columns + kPanelWidth - 1) / kPanelWidth * kPanelWidth),
        start_(item * o.panels.item + group * o.panels.group + column / kPanelWidth * o.panels.panel +
               column % kPanelWidth) {}

  __device__ const Numbers& numbers() const { return panels_; }
  __device__ int64_t at(int position) const { return inside_ ? start_ + int64_t{position} * kPanelWidth : kNoPlace; }

 private:
  Numbers panels_;
  bool inside_;
  int64_t start_;
};

}  // namespace lmspt::cuda
