// Sixteen frames are transformed at a time. Gradients are summed by whom they belong to: a task has a stretch of
// samples, transforms all frames that reach into it and adds them up in their order.
#include <string.h>

#include "device/cpu/thread_pool.h"
#include "ops/spectrum/spectrum.h"
#include "ops/spectrum/transform_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

// ---- kernels ----

// Frames [first, first + count) of an item.
struct FrameGroup {
  int64_t item, first;
  int count;
};

void load_frames(const Frames& frames, const Tables& tables, const float* x, const FrameGroup& group, Complex* z) {
  float* lanes = reinterpret_cast<float*>(z);
  const float* source = x + group.item * frames.length + group.first * frames.hop;
  for (int n = 0; n < frames.size; ++n) {
    for (int lane = 0; lane < kLanes; ++lane) {
      lanes[n * kLanes + lane] = lane < group.count ? source[lane * frames.hop + n] * tables.window[n] : 0;
    }
  }
}

// Adds what the transform of points_of_spectrum gave, windowed, to samples [begin, end) of an item.
void add_frames(const Frames& frames, const Tables& tables, const Complex* z, const FrameGroup& group, int64_t begin,
                int64_t end, float* gx) {
  const float* lanes = reinterpret_cast<const float*>(z);
  for (int lane = 0; lane < group.count; ++lane) {
    const int64_t at = (group.first + lane) * frames.hop;
    const int64_t from = at < begin ? begin - at : 0, to = at + frames.size > end ? end - at : frames.size;
    for (int64_t n = from; n < to; ++n) {
      const float value = lanes[n * kLanes + lane] * tables.window[n];
      gx[at + n] += n % 2 == 0 ? value : -value;
    }
  }
}

float lane_of(const Vec& value, int lane) { return reinterpret_cast<const float*>(&value)[lane]; }

void magnitudes(const Complex* z, int points, const float* turns, Vec* out) {
  for (int k = 0; k <= points; ++k) {
    const Complex bin = spectrum_at(z, k, points, turns);
    out[k] = sqrt(max(bin.re * bin.re + bin.im * bin.im, broadcast(kLeastPower)));
  }
}

void band_values(const MelBands& bands, const Vec* bins, Vec* out) {
  for (int band = 0; band < bands.bands; ++band) {
    const int rise = bands.start(band), top = bands.start(band + 1), end = bands.start(band + 2);
    Vec sum = broadcast(0);
    for (int k = rise; k < top; ++k) sum = fma(bins[k], broadcast(bands.weights[2 * k + 1]), sum);
    for (int k = top; k < end; ++k) sum = fma(bins[k], broadcast(bands.weights[2 * k]), sum);
    out[band] = sum;
  }
}

struct MelBuffers {
  Complex *from, *to;
  Vec *bins, *a, *b;  // a, b: of the bands

  static size_t bytes(const Frames& frames) {
    return 2 * frames.points() * sizeof(Complex) + (frames.bins() + 2 * frames.points()) * sizeof(Vec);
  }
  static MelBuffers of(const Frames& frames, void* memory) {
    const int points = frames.points();
    Complex* from = static_cast<Complex*>(memory);
    Vec* bins = reinterpret_cast<Vec*>(from + 2 * points);
    return {from, from + points, bins, bins + frames.bins(), bins + frames.bins() + points};
  }
};

struct MelDistance : MelInputs {
  // The transform of what a side has, and what is in its bands.
  const Complex* analyse(const float* x, const FrameGroup& group, const MelBuffers& buffers, Vec* values) const {
    load_frames(frames, tables, x, group, buffers.from);
    const Complex* z = transform(buffers.from, buffers.to, frames.points(), tables.turns);
    magnitudes(z, frames.points(), tables.turns, buffers.bins);
    band_values(bands, buffers.bins, values);
    return z;
  }

  double distance(const FrameGroup& group, const MelBuffers& buffers) const {
    analyse(b, group, buffers, buffers.b);
    analyse(a, group, buffers, buffers.a);
    double total = 0;
    for (int lane = 0; lane < group.count; ++lane) {
      for (int band = 0; band < bands.bands; ++band) {
        total += bands.distance(lane_of(buffers.a[band], lane), lane_of(buffers.b[band], lane));
      }
    }
    return total;
  }

  // Adds `scale` times the gradient by these frames of a to samples [begin, end) of the item.
  void add_gradient(const FrameGroup& group, const MelBuffers& buffers, float scale, int64_t begin, int64_t end,
                    float* gx) const {
    const int points = frames.points();
    analyse(b, group, buffers, buffers.b);
    const Complex* z = analyse(a, group, buffers, buffers.a);
    Complex* next = z == buffers.from ? buffers.to : buffers.from;
    for (int band = 0; band < bands.bands; ++band) {
      alignas(64) float slopes[kLanes];
      for (int lane = 0; lane < kLanes; ++lane) {
        slopes[lane] = scale * bands.slope(lane_of(buffers.a[band], lane), lane_of(buffers.b[band], lane));
      }
      buffers.a[band] = Vec::load(slopes);
    }
    divide_gradient(z, buffers);
    const auto bin = [&](int k) {
      const Complex value = spectrum_at(z, k, points, tables.turns);
      return Complex{value.re * buffers.bins[k], value.im * buffers.bins[k]};
    };
    points_of_spectrum(bin, points, tables.turns, next);
    const Complex* result = transform(next, const_cast<Complex*>(z), points, tables.turns);
    add_frames(frames, tables, result, group, begin, end, gx);
  }

 private:
  // Bins: the gradient by the magnitude over the magnitude, 0 where the power is too small to have one.
  void divide_gradient(const Complex* z, const MelBuffers& buffers) const {
    for (int k = 0; k <= frames.points(); ++k) {
      const Complex bin = spectrum_at(z, k, frames.points(), tables.turns);
      const Vec power = bin.re * bin.re + bin.im * bin.im, least = broadcast(kLeastPower);
      buffers.bins[k] = select_less(power, least, broadcast(0), broadcast(1) / sqrt(max(power, least)));
    }
    int k = 0;
    for (int segment = 0; segment <= bands.bands; ++segment) {
      for (; k < bands.start(segment); ++k) buffers.bins[k] = broadcast(0);
      for (; k < bands.start(segment + 1); ++k) {
        Vec gradient = broadcast(0);
        if (segment > 0) gradient = fma(buffers.a[segment - 1], broadcast(bands.weights[2 * k]), gradient);
        if (segment < bands.bands) gradient = fma(buffers.a[segment], broadcast(bands.weights[2 * k + 1]), gradient);
        buffers.bins[k] = buffers.bins[k] * gradient;
      }
    }
    for (; k <= frames.points(); ++k) buffers.bins[k] = broadcast(0);
  }
};

// ---- launchers ----

int64_t groups_of(const Frames& frames) { return (frames.count + kLanes - 1) / kLanes; }

FrameGroup group_at(const Frames& frames, int64_t item, int64_t first, int64_t end) {
  const int64_t left = (end < frames.count ? end : frames.count) - first;
  return {item, first, static_cast<int>(left < kLanes ? left : kLanes)};
}

// Calls add(group, begin, end, gradient of the item, worker) for stretches of samples, and all groups of frames that
// reach into each.
template <class Add>
void add_by_stretches(const KernelContext& context, const Frames& frames, const Add& add) {
  const int64_t shared = (frames.size - 1) / frames.hop;  // frames that begin before a stretch and reach into it
  const int64_t stretch = (shared < kLanes ? kLanes - shared : 1) * frames.hop;
  const int64_t stretches = (frames.length + stretch - 1) / stretch;
  parallel_for(context.pool, frames.items * stretches, [&](int64_t task, int worker) {
    const int64_t item = task / stretches, begin = task % stretches * stretch;
    const int64_t end = begin + stretch < frames.length ? begin + stretch : frames.length;
    float* gx = context.out(0).f32() + item * frames.length;
    memset(gx + begin, 0, (end - begin) * sizeof(float));
    const int64_t last = frames.frames_before(end);
    for (int64_t first = frames.first_frame(begin); first < last; first += kLanes) {
      add(group_at(frames, item, first, last), begin, end, gx, worker);
    }
  });
}

void spectra(const KernelContext& context) {
  const Tensor x = context.in(0);
  const Frames frames = frames_of(x.shape, context.in(1).shape[0], context.attrs->i("hop"));
  const Tables tables{context.in(1).f32(), context.in(2).f32()};
  const int points = frames.points();
  parallel_for(context.pool, frames.items * groups_of(frames), [&](int64_t task, int worker) {
    const FrameGroup group =
        group_at(frames, task / groups_of(frames), task % groups_of(frames) * kLanes, frames.count);
    auto* from = static_cast<Complex*>(context.pool->scratch(worker, 2 * points * sizeof(Complex)));
    load_frames(frames, tables, x.f32(), group, from);
    const Complex* z = transform(from, from + points, points, tables.turns);
    float* out = context.out(0).f32() + (group.item * frames.count + group.first) * frames.bins() * 2;
    for (int k = 0; k < frames.bins(); ++k) {
      const Complex bin = spectrum_at(z, k, points, tables.turns);
      for (int lane = 0; lane < group.count; ++lane) {
        float* target = out + (int64_t{lane} * frames.bins() + k) * 2;
        target[0] = lane_of(bin.re, lane);
        target[1] = lane_of(bin.im, lane);
      }
    }
  });
}

void spectra_grad(const KernelContext& context) {
  const Frames frames = frames_of(context.out(0).shape, context.in(1).shape[0], context.attrs->i("hop"));
  const Tables tables{context.in(1).f32(), context.in(2).f32()};
  const int points = frames.points();
  add_by_stretches(context, frames, [&](const FrameGroup& group, int64_t begin, int64_t end, float* gx, int worker) {
    auto* from = static_cast<Complex*>(context.pool->scratch(worker, 2 * points * sizeof(Complex)));
    const float* gy = context.in(0).f32() + (group.item * frames.count + group.first) * frames.bins() * 2;
    const auto bin = [&](int k) {
      alignas(64) float re[kLanes] = {}, im[kLanes] = {};
      for (int lane = 0; lane < group.count; ++lane) {
        re[lane] = gy[(int64_t{lane} * frames.bins() + k) * 2];
        im[lane] = gy[(int64_t{lane} * frames.bins() + k) * 2 + 1];
      }
      return Complex{Vec::load(re), Vec::load(im)};
    };
    points_of_spectrum(bin, points, tables.turns, from);
    add_frames(frames, tables, transform(from, from + points, points, tables.turns), group, begin, end, gx);
  });
}

void mel_distance(const KernelContext& context) {
  const MelDistance mel{mel_inputs(context)};
  const int64_t groups = groups_of(mel.frames), tasks = mel.frames.items * groups;
  // The caller is worker 0: its buffer has the buffers of all, and the sums of the tasks behind them.
  const size_t bytes = (MelBuffers::bytes(mel.frames) + 63) / 64 * 64, all = context.pool->threads() * bytes;
  char* memory = static_cast<char*>(context.pool->scratch(0, all + tasks * sizeof(double)));
  double* totals = reinterpret_cast<double*>(memory + all);
  parallel_for(context.pool, tasks, [&](int64_t task, int worker) {
    const FrameGroup group = group_at(mel.frames, task / groups, task % groups * kLanes, mel.frames.count);
    totals[task] = mel.distance(group, MelBuffers::of(mel.frames, memory + worker * bytes));
  });
  double total = 0;
  for (int64_t task = 0; task < tasks; ++task) total += totals[task];
  *context.out(0).f32() = static_cast<float>(total / mel.values());
}

void mel_distance_grad(const KernelContext& context) {
  const MelDistance mel{mel_inputs(context)};
  const auto scale = static_cast<float>(*context.in(6).f32() / mel.values());
  add_by_stretches(context, mel.frames,
                   [&](const FrameGroup& group, int64_t begin, int64_t end, float* gx, int worker) {
                     void* memory = context.pool->scratch(worker, MelBuffers::bytes(mel.frames));
                     mel.add_gradient(group, MelBuffers::of(mel.frames, memory), scale, begin, end, gx);
                   });
}

}  // namespace

void register_spectrum_cpu(KernelTable& table) {
  table.add("spectra", spectra);
  table.add("spectra_grad", spectra_grad);
  table.add("mel_distance", mel_distance);
  table.add("mel_distance_grad", mel_distance_grad);
}

}  // namespace lmspt::LMSPT_ISA
