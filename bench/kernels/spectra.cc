// Spectra of the discriminators and the mel distance, by the fast Fourier transform and as products.
#include <limits>

#include "case.h"
#include "device/setting.h"

namespace lmspt::lab {

namespace {

// A complex sum has two operations, a complex product six.
constexpr int64_t kRadix4 = 8 * 2 + 4 * 6, kRadix2 = 2 * 2;
constexpr int64_t kUntangle = 5 * 2 + 6;  // a point, into or out of the spectrum of real samples
constexpr int64_t kMagnitude = 4;         // of a bin: two squares, their sum, its root
constexpr int64_t kBand = 10;             // two logarithms, differences, their magnitudes, the sum; or the slopes
constexpr double kFloor = 1e-5;

struct Signals {
  int64_t items, samples, window;

  int64_t hop() const { return window / 4; }
  int64_t frames() const { return (samples - window) / hop() + 1; }
  int64_t bins() const { return window / 2 + 1; }
  int64_t points() const { return window / 2; }
  int64_t count() const { return items * samples; }
  int64_t tables() const { return 2 * window; }
};

// Of a frame of real samples into its spectrum, or back.
int64_t transform_flops(const Signals& s) {
  int64_t passes = 0;
  for (int64_t left = s.points(); left >= 4; left /= 4) ++passes;
  const int64_t twos = s.points() >> 2 * passes == 2 ? kRadix2 * s.points() / 2 : 0;
  return s.window + passes * kRadix4 * s.points() / 4 + twos + kUntangle * s.points();
}

int64_t count_transform(const Signals& s) {
  int64_t flops = 0, stride = 1;
  for (int64_t sample = 0; sample < s.window; ++sample) ++flops;
  for (; 4 * stride <= s.points(); stride *= 4) {
    for (int64_t four = 0; four < s.points(); four += 4) flops += kRadix4;
  }
  if (stride < s.points()) {
    for (int64_t two = 0; two < s.points(); two += 2) flops += kRadix2;
  }
  for (int64_t point = 0; point < s.points(); ++point) flops += kUntangle;
  return flops;
}

bool has_fast_transform() { return !is_switched_off("LMSPT_FFT"); }

// Numbers matter to no kernel, but all are finite.
ValueId fourier_basis(Recorder& r, const Signals& s) { return r.weights({2 * s.bins(), 1, s.window}); }

ValueId as_product(Recorder& r, const Signals& s, ValueId x) {
  const ValueId samples = r.one("reshape", {x}, {{"shape", make_shape({s.items, s.samples, 1})}});
  const ValueId spectra = r.one("conv1d", {samples, fourier_basis(r, s)}, {{"stride", s.hop()}});
  return r.one("reshape", {spectra}, {{"shape", make_shape({s.items, s.frames(), s.bins(), 2})}});
}

std::vector<ValueId> tables(Recorder& r, const Signals& s) {
  return {r.weights({s.window}), r.weights({s.window / 2, 2})};
}

std::vector<ValueId> joined(std::vector<ValueId> values, const std::vector<ValueId>& more) {
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

Variant products(const std::set<std::string>& ops) { return {"as products", {{"LMSPT_FFT", "0"}}, false, ops}; }

void add_spectrum(std::vector<Case>& cases, const std::string& name, const Signals& s) {
  const int64_t values = 2 * s.items * s.frames() * s.bins(), frames = s.items * s.frames();
  const int64_t bytes = 4 * (s.count() + values + s.tables());
  const auto count = [=] {
    int64_t flops = 0;
    for (int64_t frame = 0; frame < frames; ++frame) flops += count_transform(s);
    return flops;
  };
  const auto forward = [=](Recorder& r) {
    const ValueId x = r.changing({s.items, s.samples});
    if (!has_fast_transform()) return r.want(as_product(r, s, x));
    r.want(r.one("spectra", joined({x}, tables(r, s)), {{"hop", s.hop()}}));
  };
  cases.push_back({"spectra",
                   name,
                   Precision::fp32,
                   {"spectra"},
                   forward,
                   Work{frames * transform_flops(s), bytes, count},
                   {products({"conv1d"})}});
  const auto backward = [=](Recorder& r) {
    const ValueId gy = r.changing({s.items, s.frames(), s.bins(), 2});
    if (!has_fast_transform()) {
      const ValueId x = r.changing({s.items, s.samples});
      return r.want(r.gradient(as_product(r, s, x), gy, x));
    }
    r.want(r.one("spectra_grad", joined({gy}, tables(r, s)), {{"hop", s.hop()}, {"length", s.samples}}));
  };
  cases.push_back({"spectra gradient",
                   name,
                   Precision::fp32,
                   {"spectra_grad"},
                   backward,
                   Work{frames * transform_flops(s), bytes, count},
                   {products({"conv_transpose1d"})}});
}

AttrArgs at_least(double floor) { return {{"a", floor}, {"b", std::numeric_limits<double>::infinity()}}; }

// As lib/train/losses/mel.ts composes it. Parts are added up as means, since sums are what plans of the lab end in.
ValueId composed_distance(Recorder& r, const Signals& s, int64_t bands, ValueId a, ValueId b) {
  const ValueId filters = r.positive({bands, s.bins()});
  const auto magnitudes = [&](ValueId x) {
    const ValueId squares = r.one("square", {as_product(r, s, x)});
    const ValueId power = r.one("mean", {squares}, {{"first", 3}, {"last", 3}});
    return r.one("linear", {r.one("sqrt", {r.one("clamp", {power}, at_least(1e-20))}), filters});
  };
  const auto distance = [&](ValueId one, ValueId other) {
    return r.one("mean", {r.one("abs", {r.one("sub", {one, other})})}, {{"first", 0}, {"last", 2}});
  };
  const auto decades = [&](ValueId x) {
    return r.one("affine", {r.one("log", {r.one("clamp", {x}, at_least(kFloor))})}, {{"a", 0.868588964}});
  };
  const ValueId of_a = magnitudes(a), of_b = magnitudes(b);
  return r.one("add", {distance(of_a, of_b), distance(decades(of_a), decades(of_b))});
}

// Segments of about as many bins.
ValueId starts_of(Recorder& r, const Signals& s, int64_t bands) {
  std::vector<int32_t> starts;
  for (int64_t i = 0; i < bands + 2; ++i) starts.push_back(static_cast<int32_t>(1 + i * (s.bins() - 2) / (bands + 1)));
  return r.integers(starts);
}

void add_mel(std::vector<Case>& cases, const std::string& name, const Signals& s, int64_t bands) {
  const int64_t frames = s.items * s.frames();
  const int64_t bytes = 4 * (2 * s.count() + s.tables() + 2 * s.bins() + bands + 2 + 1);
  const int64_t of_frame = 2 * (transform_flops(s) + s.bins() * (kMagnitude + 4)) + bands * kBand;
  const int64_t of_gradient = of_frame + transform_flops(s) + s.bins() * 8 + bands * kBand;
  const auto count = [=](bool gradient) {
    int64_t flops = 0;
    for (int64_t frame = 0; frame < frames; ++frame) {
      for (int signal = 0; signal < 2; ++signal) {
        flops += count_transform(s);
        for (int64_t bin = 0; bin < s.bins(); ++bin) flops += kMagnitude + 2 * 2;  // in two bands
      }
      for (int64_t band = 0; band < bands; ++band) flops += gradient ? 2 * kBand : kBand;
      if (!gradient) continue;
      flops += count_transform(s);
      for (int64_t bin = 0; bin < s.bins(); ++bin) flops += 8;  // slopes of two bands, divided by the magnitude
    }
    return flops;
  };
  const auto signals = [=](Recorder& r) {
    return std::vector<ValueId>{r.changing({s.items, s.samples}), r.changing({s.items, s.samples})};
  };
  const auto tables_of = [=](Recorder& r) {
    return joined(tables(r, s), {r.positive({s.bins(), 2}), starts_of(r, s, bands)});
  };
  const AttrArgs attrs = {{"hop", s.hop()}, {"floor", kFloor}};
  const auto forward = [=](Recorder& r) {
    const std::vector<ValueId> two = signals(r);
    if (!has_fast_transform()) return r.want(composed_distance(r, s, bands, two[0], two[1]));
    r.want(r.one("mel_distance", joined(two, tables_of(r)), attrs));
  };
  const std::set<std::string> composition = {"conv1d", "square", "mean", "clamp",  "sqrt", "linear",
                                             "sub",    "abs",    "log",  "affine", "add"};
  cases.push_back({"mel distance",
                   name,
                   Precision::fp32,
                   {"mel_distance"},
                   forward,
                   Work{frames * of_frame, bytes, [=] { return count(false); }},
                   {products(composition)}});
  const auto backward = [=](Recorder& r) {
    const std::vector<ValueId> two = signals(r);
    if (!has_fast_transform()) {
      return r.want(r.gradient(composed_distance(r, s, bands, two[0], two[1]), r.scalar(1), two[0]));
    }
    r.want(r.one("mel_distance_grad", joined(joined(two, tables_of(r)), {r.scalar(1)}), attrs));
  };
  std::set<std::string> with_gradient = composition;
  for (const char* op : {"conv_transpose1d", "mul", "sign", "div", "clamp_grad", "broadcast_to", "matmul"}) {
    with_gradient.insert(op);
  }
  cases.push_back({"mel distance gradient",
                   name,
                   Precision::fp32,
                   {"mel_distance_grad"},
                   backward,
                   Work{frames * of_gradient, bytes + 4 * s.count(), [=] { return count(true); }},
                   {products(with_gradient)}});
}

}  // namespace

void add_spectra(std::vector<Case>& cases, const Sizes& sizes) {
  const int64_t samples = sizes(144000, 0), clips = sizes(8, 2);
  for (int64_t window : {2048, 1024, 512}) {
    const int64_t length = sizes(window, window / 32);
    add_spectrum(cases, "16 x 6 s, frames of " + std::to_string(window),
                 {2 * clips, samples + length * (samples == 0 ? 5 : 1), length});
  }
  const int64_t scales[][2] = {{256, 40}, {512, 80}, {1024, 160}, {2048, 320}};
  for (const auto& [window, bands] : scales) {
    const int64_t length = sizes(window, window / 16);
    add_mel(cases, "8 x 6 s, frames of " + std::to_string(window),
            {clips, samples + length * (samples == 0 ? 5 : 1), length}, sizes(bands, bands / 16));
  }
}

}  // namespace lmspt::lab
