// The gradient of a convolution's weights: gw[o, i, tap] = sum over positions p of gy[p, o] x[row(p, tap), i], with gw
// (groups * outputs, inputs, taps). A task owns some inputs and outputs, all taps, and a piece of the positions. Block
// by block it multiplies the rows of x and the columns of gy, where they lie if they can be read there: away from the
// zeros at the borders, and with whole panels of outputs. Others it lays out in cache first. How positions are cut into
// pieces follows from the shapes alone, and pieces are added in order, so that results do not depend on the threads.
// Include only from *_cpu.cc files.
#pragma once

#include "device/cpu/rows.h"
#include "device/cpu/thread_pool.h"
#include "gemm/gemm_cpu.h"
#include "gemm/lanes_cpu.h"

namespace lmspt::LMSPT_ISA {

struct WeightGradientShape {
  int64_t groups, inputs, outputs, taps, positions;  // inputs and outputs of a group
};

// Rows of x a constant stride apart; row is null where some are zeros or lie elsewhere.
struct EvenRows {
  const float* row;
  int64_t stride;
};

// make_taps(tap, position) walks over the rows of x that a tap meets, beginning with that of a position: row() is null
// where there are zeros, next() goes on to the next position. even_rows(count) are the next rows, where they are even.
template <class MakeTaps>
class WeightGradient {
 public:
  WeightGradient(const WeightGradientShape& shape, const float* gy, MakeTaps make_taps, float* gw)
      : s(shape), gy_(gy), make_taps_(make_taps), gw_(gw) {
    inputs_ = s.inputs;
    outputs_ = s.outputs < kMostOutputs ? round_up(s.outputs) : kMostOutputs;
    while (inputs_ > kMostInputs || (inputs_ > 32 && s.taps * inputs_ * outputs_ > kSumFloats)) {
      inputs_ = round_up((inputs_ + 1) / 2);
    }
    input_tiles_ = (s.inputs + inputs_ - 1) / inputs_;
    output_tiles_ = (s.outputs + outputs_ - 1) / outputs_;
    const int64_t tiles = s.groups * input_tiles_ * output_tiles_;
    pieces_ = kTasks / tiles < s.positions / kLeastPiece ? kTasks / tiles : s.positions / kLeastPiece;
    if (pieces_ < 1) pieces_ = 1;
    // Taps of few inputs lie side by side, as many as make a decent number of rows.
    taps_at_once_ = inputs_ >= kLanes ? 1 : kMostInputs / inputs_;
    if (taps_at_once_ > s.taps) taps_at_once_ = s.taps;
    width_ = round_up(taps_at_once_ * inputs_);
  }

  void run(ThreadPool* pool) const {
    const int64_t tiles = s.groups * input_tiles_ * output_tiles_, panels = outputs_ / kPanelWidth;
    if (pieces_ == 1) {
      const int64_t floats = sum_floats() + work_floats();
      return parallel_for(pool, tiles, [&](int64_t task, int worker) {
        auto* sums = static_cast<float*>(pool->scratch(worker, floats * sizeof(float)));
        sum_piece(tile(task), 0, sums, sums + sum_floats());
        for (int64_t panel = 0; panel < panels; ++panel) add_pieces(tile(task), panel, sums);
      });
    }
    const int64_t all_sums = tiles * pieces_ * sum_floats();
    auto* shared = static_cast<float*>(pool->scratch(0, (all_sums + work_floats()) * sizeof(float)));
    parallel_for(pool, tiles * pieces_, [&](int64_t task, int worker) {
      float* work = shared + all_sums;  // worker 0 is the caller: its scratch memory holds what all share
      if (worker != 0) work = static_cast<float*>(pool->scratch(worker, work_floats() * sizeof(float)));
      sum_piece(tile(task / pieces_), task % pieces_, shared + task * sum_floats(), work);
    });
    parallel_for(pool, tiles * panels, [&](int64_t task, int) {
      add_pieces(tile(task / panels), task % panels, shared + task / panels * pieces_ * sum_floats());
    });
  }

 private:
  static constexpr int64_t kMostInputs = 128, kMostOutputs = 128;
  static constexpr int64_t kSumFloats = 128 * 1024;  // sums of a task, which stay in the second-level cache
  static constexpr int64_t kPositions = 128;         // of a block
  static constexpr int64_t kLeastPiece = 1024;
  static constexpr int64_t kTasks = 16;

  struct Tile {
    int64_t group, input, inputs, output, outputs;
  };

  static int64_t round_up(int64_t value) { return (value + kPanelWidth - 1) / kPanelWidth * kPanelWidth; }

  int64_t sum_floats() const { return round_up(s.taps * inputs_ * outputs_); }
  int64_t work_floats() const { return kPositions * (width_ + outputs_); }

  Tile tile(int64_t index) const {
    const int64_t output = index % output_tiles_ * outputs_;
    const int64_t input = index / output_tiles_ % input_tiles_ * inputs_;
    return {index / output_tiles_ / input_tiles_, input, s.inputs - input < inputs_ ? s.inputs - input : inputs_,
            output, s.outputs - output < outputs_ ? s.outputs - output : outputs_};
  }

  // sums (taps, tile's inputs, outputs_)
  void sum_piece(const Tile& t, int64_t piece, float* sums, float* rows) const {
    float* panels = rows + kPositions * width_;
    const bool has_whole_panels = t.outputs == outputs_;
    const int64_t begin = s.positions * piece / pieces_, end = s.positions * (piece + 1) / pieces_;
    if (begin == end) std::memset(sums, 0, s.taps * t.inputs * outputs_ * sizeof(float));
    Epilogue epilogue;
    for (int64_t first = begin; first < end; first += kPositions) {
      const int64_t count = end - first < kPositions ? end - first : kPositions;
      Columns gradient{gradient_at(t, first), kPanelWidth, s.groups * s.outputs};
      if (!has_whole_panels) {
        lay_out_gradient(t, first, count, panels);
        gradient = {panels, count * kPanelWidth};
      }
      for (int64_t tap = 0; tap < s.taps; tap += taps_at_once_) {
        const int64_t taps = s.taps - tap < taps_at_once_ ? s.taps - tap : taps_at_once_;
        EvenRows even{};
        if (taps_at_once_ == 1) even = make_taps_(tap, first).even_rows(count);
        if (even.row) {
          even.row += t.group * s.inputs + t.input;
        } else {
          for (int64_t i = 0; i < taps; ++i) lay_out_rows(t, tap + i, first, count, rows + i * t.inputs);
          even = {rows, width_};
        }
        gemm({even.row, 1, 1, count, 0, even.stride}, taps * t.inputs, gradient, outputs_, 0, outputs_ / kPanelWidth,
             sums + tap * t.inputs * outputs_, outputs_, epilogue);
      }
      epilogue.accumulate = true;
    }
  }

  void lay_out_rows(const Tile& t, int64_t tap, int64_t first, int64_t count, float* rows) const {
    auto taps = make_taps_(tap, first);
    for (int64_t n = 0; n < count; ++n, rows += width_, taps.next()) {
      const float* source = taps.row();
      if (!source) {
        std::memset(rows, 0, t.inputs * sizeof(float));
        continue;
      }
      source += t.group * s.inputs + t.input;
      for (int64_t i = 0; i < t.inputs; i += kLanes)
        store_left(load_left(source + i, t.inputs - i), rows + i, t.inputs - i);
    }
  }

  const float* gradient_at(const Tile& t, int64_t position) const {
    return gy_ + position * s.groups * s.outputs + t.group * s.outputs + t.output;
  }

  void lay_out_gradient(const Tile& t, int64_t first, int64_t count, float* panels) const {
    const int64_t stride = s.groups * s.outputs;
    const float* source = gradient_at(t, first);
    for (int64_t o = 0; o < outputs_; o += kPanelWidth) {
      const int64_t left = t.outputs - o;
      float* panel = panels + o * count;
      for (int64_t n = 0; n < count; ++n) {
        const Vec value = left > 0 ? load_left(source + n * stride + o, left) : broadcast(0);
        value.store(panel + n * kPanelWidth);
      }
    }
  }

  // One panel of a tile's outputs to gw.
  void add_pieces(const Tile& t, int64_t panel, const float* sums) const {
    const int64_t o = panel * kPanelWidth, left = t.outputs - o;
    if (left <= 0) return;
    float* target = gw_ + ((t.group * s.outputs + t.output + o) * s.inputs + t.input) * s.taps;
    const int64_t step = Lanes::kMost < s.taps ? 1 : Lanes::kMost / s.taps;  // inputs at a time
    Lanes lanes;
    for (int64_t i = 0; i < t.inputs; i += step) {
      const int64_t inputs = t.inputs - i < step ? t.inputs - i : step;
      for (int64_t tap = 0; tap < s.taps; tap += Lanes::kMost) {
        const int64_t taps = s.taps - tap < Lanes::kMost ? s.taps - tap : Lanes::kMost;
        for (int64_t n = 0; n < inputs * taps; ++n) {
          const float* place = sums + ((tap + n % taps) * t.inputs + i + n / taps) * outputs_ + o;
          Vec sum = Vec::load(place);
          for (int64_t piece = 1; piece < pieces_; ++piece) sum = sum + Vec::load(place + piece * sum_floats());
          sum.store(lanes.values[n]);
        }
        lanes.store(target + i * s.taps + tap, s.inputs * s.taps, left, inputs * taps);
      }
    }
  }

  WeightGradientShape s;
  const float* gy_;
  MakeTaps make_taps_;
  float* gw_;
  int64_t inputs_, outputs_;  // of a tile; outputs_ is a multiple of a panel
  int64_t input_tiles_, output_tiles_, pieces_, taps_at_once_;
  int64_t width_;  // floats of a row of x
};

}  // namespace lmspt::LMSPT_ISA
