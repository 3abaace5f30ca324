// conv1d by the fast algorithm of winograd.h, for the kernels that contain it. A task takes some blocks of one item:
// their rows are staged (Snake applied), transformed, multiplied point by point with a few panels of weights, and
// transformed back, all in cache. Include only from *_cpu.cc files.
#pragma once

#include "gemm/gemm_cpu.h"
#include "ops/conv1d/conv1d_cpu.h"
#include "ops/conv1d/winograd_cpu.h"

namespace lmspt::LMSPT_ISA {

struct WinogradConv {
  static constexpr int64_t kMostPanels = 4;  // multiplied before they are transformed back

  Conv1dGeometry g;
  int64_t groups;  // of taps
  int64_t blocks;  // per task

  // As many blocks as `cache` floats hold, but enough tasks for the threads where there are blocks for it.
  // `more_floats_per_row`: what the caller keeps besides, for a row of the output.
  LMSPT_INLINE WinogradConv(const Conv1dGeometry& geometry, int64_t groups, int64_t cache, int64_t more_floats_per_row,
                            int threads)
      : g(geometry), groups(groups), blocks(1) {
    const int64_t step = kTileRows / 2;  // of rows of a product: a multiple wastes nothing
    int64_t rows = step;
    for (; rows < 18 * step; rows += step) {
      const int64_t n = (rows + step) / g.dilation;
      if (scratch_floats(n) + n * block_rows() * more_floats_per_row > cache) break;
    }
    const int64_t share = (g.batch * all_blocks() + threads - 1) / threads;
    blocks = rows / g.dilation < share ? rows / g.dilation : share;
    if (blocks < 1) blocks = 1;
  }

  LMSPT_INLINE int64_t panels() const { return panel_count(g.out_channels); }
  LMSPT_INLINE int64_t block_rows() const { return kWinogradOutputs * g.dilation; }
  LMSPT_INLINE int64_t all_blocks() const { return (g.out_length + block_rows() - 1) / block_rows(); }
  LMSPT_INLINE int64_t tiles() const { return (all_blocks() + blocks - 1) / blocks; }

  // Scratch of a task for n blocks, in floats.
  LMSPT_INLINE int64_t staged_rows(int64_t n) const {
    return (kWinogradOutputs * (n + groups - 1) + kWinogradTaps - 1) * g.dilation;
  }
  LMSPT_INLINE int64_t input_plane(int64_t n) const { return (n + groups - 1) * g.dilation * g.in_channels; }
  LMSPT_INLINE int64_t scratch_floats(int64_t n) const {
    return round_up(staged_rows(n) * g.in_channels, kLanes) + round_up(kWinogradPoints * input_plane(n), kLanes) +
           kWinogradPoints * n * g.dilation * kMostPanels * kPanelWidth;
  }

  // The blocks [first, first + n) of an item and the panels [first_panel, last_panel) of packed weights w:
  // sink(row, column, values, left) takes 16 values of the output, `left` of them real, without bias.
  template <class Sink>
  LMSPT_INLINE void run(const float* x, const SnakeParameters& snake_parameters, const float* w, int64_t first,
                        int64_t n, int64_t first_panel, int64_t last_panel, float* scratch, Sink sink) const {
    float* v = scratch + round_up(staged_rows(n) * g.in_channels, kLanes);
    float* m = v + round_up(kWinogradPoints * input_plane(n), kLanes);
    stage_rows(x, g.in_length, g.in_channels, first * block_rows() - g.pad_left, staged_rows(n), snake_parameters,
               scratch);
    transform_input(scratch, n, v);
    const int64_t k = groups * g.in_channels;
    for (int64_t panel = first_panel; panel < last_panel;) {
      const int64_t count = gemm_panels(last_panel - panel), columns = count * kPanelWidth;
      const int64_t plane = n * g.dilation * columns;
      for (int p = 0; p < kWinogradPoints; ++p) {
        const Rows a{v + p * input_plane(n), g.in_channels, groups, g.in_channels, g.dilation * g.in_channels};
        const Columns b{w + p * panels() * k * kPanelWidth, k * kPanelWidth};
        gemm(a, n * g.dilation, b, (panel + count) * kPanelWidth, panel, panel + count,
             m + p * plane - panel * kPanelWidth, columns, {});
      }
      transform_output(m, columns, first, n, panel * kPanelWidth, sink);
      panel += count;
    }
  }

 private:
  // Staged rows to v: for each point a plane of (n + groups - 1) * dilation rows.
  LMSPT_INLINE void transform_input(const float* staged, int64_t n, float* v) const {
    const int64_t channels = g.in_channels, plane = input_plane(n), step = g.dilation * channels;
    for (int64_t block = 0; block < n + groups - 1; ++block) {
      for (int64_t phase = 0; phase < g.dilation; ++phase) {
        const float* source = staged + (block * block_rows() + phase) * channels;
        float* target = v + (block * g.dilation + phase) * channels;
        for (int64_t c = 0; c < channels; c += kLanes) {
          Vec x[kWinogradPoints], transformed[kWinogradPoints];
          const int64_t left = channels - c;
          for (int j = 0; j < kWinogradPoints; ++j) x[j] = load_left(source + j * step + c, left);
          winograd_input(x, transformed);
          for (int p = 0; p < kWinogradPoints; ++p) store_left(transformed[p], target + p * plane + c, left);
        }
      }
    }
  }

  // m: for each point a plane of n * dilation rows and `columns` columns, the first of them column `first_column`.
  template <class Sink>
  LMSPT_INLINE void transform_output(const float* m, int64_t columns, int64_t first, int64_t n, int64_t first_column,
                                     Sink sink) const {
    const int64_t plane = n * g.dilation * columns;
    for (int64_t block = first; block < first + n; ++block) {
      for (int64_t phase = 0; phase < g.dilation; ++phase, m += columns) {
        const int64_t row = block * block_rows() + phase;
        for (int64_t c = 0; c < columns; c += kLanes) {
          Vec products[kWinogradPoints], y[kWinogradOutputs];
          for (int p = 0; p < kWinogradPoints; ++p) products[p] = Vec::load(m + p * plane + c);
          winograd_output(products, y);
          const int64_t column = first_column + c;
          for (int j = 0; j < kWinogradOutputs && row + j * g.dilation < g.out_length; ++j) {
            sink(row + j * g.dilation, column, y[j], g.out_channels - column);
          }
        }
      }
    }
  }
};

}  // namespace lmspt::LMSPT_ISA
