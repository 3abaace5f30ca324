// Frames of a signal, and the terms of the mel distance, as kernels of both devices compute them.
#pragma once

#include <math.h>

#include "device/kernel.h"

namespace lmspt {

constexpr int64_t kLeastFrame = 16, kMostFrame = 2048;  // samples, a power of two
constexpr float kLeastPower = 1e-20f;                   // of a bin whose magnitude has a gradient

// Frame f of a signal of `length` samples is those from f * hop on.
struct Frames {
  int64_t items, length, hop, count;  // count: frames of an item
  int size;                           // samples of a frame

  LMSPT_INLINE_ANYWHERE int points() const { return size / 2; }  // complex ones that its transform takes
  LMSPT_INLINE_ANYWHERE int bins() const { return size / 2 + 1; }
  // The frames that have samples before `end`, and the first that has some from `begin` on.
  LMSPT_INLINE_ANYWHERE int64_t frames_before(int64_t end) const {
    const int64_t all = (end - 1) / hop + 1;
    return all < count ? all : count;
  }
  LMSPT_INLINE_ANYWHERE int64_t first_frame(int64_t begin) const { return begin < size ? 0 : (begin - size) / hop + 1; }
};

LMSPT_INLINE Frames frames_of(const Shape& x, int64_t size, int64_t hop) {
  return {x[0], x[1], hop, (x[1] - size) / hop + 1, static_cast<int>(size)};
}

// Mel bands as segments between neighbouring edges: band m rises in segment m and falls in segment m + 1.
struct MelBands {
  const float* weights;   // (bins, 2): of the band that falls, and of the one that rises
  const int32_t* starts;  // (bands + 2): the first bins of the segments; the last one ends there
  int bands, bins;
  float floor;

  LMSPT_INLINE_ANYWHERE int start(int segment) const {
    const int32_t bin = starts[segment];
    return bin < 0 ? 0 : bin > bins ? bins : bin;
  }
  // 2 log10 of what a band has, or of the floor.
  LMSPT_INLINE_ANYWHERE float decades(float value) const {
    return ::logf(value > floor ? value : floor) * 0.868588964f;
  }
  // What two values of a band add to the distance, not yet divided by the number of bands.
  LMSPT_INLINE_ANYWHERE float distance(float a, float b) const {
    return ::fabsf(a - b) + ::fabsf(decades(a) - decades(b));
  }
  // Its derivative by a.
  LMSPT_INLINE_ANYWHERE float slope(float a, float b) const {
    const float plain = a > b ? 1.f : a < b ? -1.f : 0.f;
    if (a < floor) return plain;
    const float difference = decades(a) - decades(b);
    const float sign = difference > 0 ? 1.f : difference < 0 ? -1.f : 0.f;
    return plain + sign * 0.868588964f / a;
  }
};

// What frameTables of lib/nn/stft.ts has: the window, and the points of the unit circle.
struct Tables {
  const float *window, *turns;
};

struct MelInputs {
  Frames frames;
  Tables tables;
  MelBands bands;
  const float *a, *b;  // the two signals

  // How many the distance is a mean of.
  LMSPT_INLINE_ANYWHERE double values() const { return static_cast<double>(frames.items * frames.count * bands.bands); }
};

// Of mel_distance and its gradient.
LMSPT_INLINE MelInputs mel_inputs(const KernelContext& context) {
  const Tensor window = context.in(2), starts = context.in(5);
  const Frames frames = frames_of(context.in(0).shape, window.shape[0], context.attrs->i("hop"));
  const MelBands bands{context.in(4).f32(), starts.i32(), static_cast<int>(starts.shape[0] - 2), frames.bins(),
                       static_cast<float>(context.attrs->f("floor"))};
  return {frames, {window.f32(), context.in(3).f32()}, bands, context.in(0).f32(), context.in(1).f32()};
}

}  // namespace lmspt
