// The operands of products along K, position by position: where neighbouring columns of one position lie.
#pragma once

#include "gemm/cuda/outer_product.h"

namespace lmspt::cuda {

// P: dense rows.
class RowsOfP {
 public:
  // Columns from `column` on, of the task's item and group.
  __device__ RowsOfP(const OuterProduct& o, int64_t item, int64_t group, int column)
      : inside_(column < o.rows), source_(o.p + item * o.p_item + group * o.p_group), pitch_(o.p_pitch) {
    if (inside_) source_ += column;
  }

  // Null where there is none.
  __device__ const float* at(int position) const { return inside_ ? source_ + position * pitch_ : nullptr; }
  __device__ const float* anywhere() const { return source_; }

 private:
  bool inside_;
  const float* source_;
  int64_t pitch_;
};

// Q: what the tap of a column meets at each position.
class RowsOfTaps {
 public:
  __device__ RowsOfTaps(const OuterProduct& o, int64_t item, int64_t group, int column)
      : taps_(o.taps), x_(o.taps.x + item * o.taps.item + group * o.taps.group), inside_(column < o.columns) {
    const Parts tap = divide(column, o.taps.tap_words), at = divide(tap.quotient, o.taps.taps_w);
    h_ = at.quotient * o.taps.h.dilation + o.taps.h.origin;
    w_ = at.rest * o.taps.w.dilation + o.taps.w.origin;
    channel_ = tap.rest;
  }

  __device__ const float* at(int position) const {
    const Parts outer = divide(position, taps_.positions), at = divide(outer.rest, taps_.positions_w);
    const int h = at.quotient * taps_.h.stride + h_, w = at.rest * taps_.w.stride + w_;
    const bool inside = inside_ && static_cast<unsigned>(h) < static_cast<unsigned>(taps_.h.in) &&
                        static_cast<unsigned>(w) < static_cast<unsigned>(taps_.w.in);
    return inside ? x_ + outer.quotient * taps_.outer + h * taps_.h.pitch + w * taps_.w.pitch + channel_ : nullptr;
  }
  __device__ const float* anywhere() const { return x_; }

 private:
  const RowsOfA& taps_;
  const float* x_;
  bool inside_;
  int h_, w_, channel_;
};

// Q: float32 panels, which have zeros beyond the last column.
class RowsOfPanels {
 public:
  __device__ RowsOfPanels(const OuterProduct& o, int64_t item, int64_t group, int column)
      : inside_(column < (o.columns + kPanelWidth - 1) / kPanelWidth * kPanelWidth),
        source_(reinterpret_cast<const float*>(o.panels.data) + item * o.panels.item + group * o.panels.group) {
    if (inside_) source_ += column / kPanelWidth * o.panels.panel + column % kPanelWidth;
  }

  __device__ const float* at(int position) const {
    return inside_ ? source_ + int64_t{position} * kPanelWidth : nullptr;
  }
  __device__ const float* anywhere() const { return source_; }

 private:
  bool inside_;
  const float* source_;
};

}  // namespace lmspt::cuda
