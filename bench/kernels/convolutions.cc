// The tokenizer's convolutions: residual units, strides down and up, heads, and their weight gradients. Of Whisper the
// two at its beginning.
#include <algorithm>

#include "case.h"

namespace lmspt::lab {

namespace {

constexpr int64_t kTaps = 7, kDilation = 3;
constexpr int64_t kMostJoined = 192;  // channels of a unit that one kernel does

struct Place {
  int64_t batch, rows, channels;
  int64_t count() const { return batch * rows * channels; }
};

// Kernels of stride 1, or of 2 s taps and stride s.
struct Taps {
  int64_t count, stride, dilation;

  int64_t pad_left() const { return stride == 1 ? dilation * (count - 1) / 2 : (stride + 1) / 2; }
  std::string name(int64_t inputs, int64_t outputs) const {
    if (stride == 1) return "seven taps, " + std::to_string(outputs) + " channels";
    return "down by " + std::to_string(stride) + ", " + std::to_string(inputs) + " to " + std::to_string(outputs);
  }
};

constexpr Taps kSeven{kTaps, 1, kDilation};

std::vector<Variant> without(Precision precision, int64_t channels) {
  std::vector<Variant> variants = {{"not fused", {{"LMSPT_FUSION", "0"}}, false}};
  if (precision == Precision::bf16) variants.push_back({"stored as float32", {{"LMSPT_BF16_STORAGE", "0"}}, false});
  if (precision != Precision::fp32 && channels >= kLeastOfWgmma) {
    variants.push_back(without_wgmma());
    variants.back().same_traffic = false;  // more units are one kernel
    if (precision == Precision::bf16 && channels <= kMostJoined) {
      variants.push_back({"two kernels", {{"LMSPT_CUDA_UNITS", "0"}}, false});
    }
  }
  return variants;
}

int64_t biases(int64_t channels) { return 4 * channels; }

// Snake, seven taps, Snake, one tap, sum; two kernels where there are many channels.
Case residual_unit(const std::string& where, Precision precision, const Place& p) {
  const int64_t c = p.channels, size = stored_bytes(precision);
  const bool joined = c <= kMostJoined;
  const auto record = [=](Recorder& r) {
    const ValueId x = r.made({p.batch, p.rows, c});
    const ValueId first = r.one("snake", {x, r.positive({c})});
    const int64_t reach = kDilation * (kTaps - 1) / 2;
    const ValueId inner = r.one("conv1d", {first, r.weights({c, c, kTaps}), r.weights({c})},
                                {{"dilation", kDilation}, {"pad_left", reach}, {"pad_right", reach}});
    const ValueId second = r.one("snake", {inner, r.positive({c})});
    r.want(r.one("add", {x, r.one("conv1d", {second, r.weights({c, c, 1}), r.weights({c})})}));
  };
  // x and y; in two kernels also what lies between, written and read, and x as the summand
  constexpr int64_t kOfOne = 2, kOfTwo = 5;
  const int64_t weights =
      packed_bytes(precision, kTaps, c, c) + packed_bytes(precision, 1, c, c) + 2 * biases(c) + 2 * 4 * c;
  const int64_t of_two = kOfTwo * p.count() * size + weights;
  Work work = product_work(p.batch * p.rows, (kTaps + 1) * c, c, joined ? kOfOne * p.count() * size + weights : of_two);
  work.other_bytes = of_two;
  return {"residual unit",
          where + ", " + std::to_string(c) + " channels",
          precision,
          {"fused_residual_unit", "conv1d", "snake", "add"},
          record,
          work,
          without(precision, c)};
}

// Seven taps by themselves, or after Snake.
Case seven_taps(Precision precision, const Place& p, bool with_snake) {
  const int64_t c = p.channels, reach = kDilation * (kTaps - 1) / 2;
  const auto record = [=](Recorder& r) {
    ValueId x = r.made({p.batch, p.rows, c});
    if (with_snake) x = r.one("snake", {x, r.positive({c})});
    r.want(r.one("conv1d", {x, r.weights({c, c, kTaps}), r.weights({c})},
                 {{"dilation", kDilation}, {"pad_left", reach}, {"pad_right", reach}}));
  };
  const int64_t bytes = 2 * p.count() * stored_bytes(precision) + packed_bytes(precision, kTaps, c, c) + biases(c) +
                        (with_snake ? 4 * c : 0);
  return {"convolution",
          std::string(with_snake ? "Snake, " : "") + "seven taps, " + std::to_string(c) + " channels",
          precision,
          {"conv1d"},
          record,
          product_work(p.batch * p.rows, kTaps * c, c, bytes),
          engines_for(precision, c)};
}

// A kernel of 2 s taps and stride s, after Snake.
Case down(Precision precision, const Place& p, int64_t outputs, int64_t stride) {
  const int64_t rows = p.rows / stride, taps = 2 * stride;
  const auto record = [=](Recorder& r) {
    const ValueId x = r.one("snake", {r.made({p.batch, p.rows, p.channels}), r.positive({p.channels})});
    r.want(r.one("conv1d", {x, r.weights({outputs, p.channels, taps}), r.weights({outputs})},
                 {{"stride", stride}, {"pad_left", (stride + 1) / 2}, {"length", rows}}));
  };
  const int64_t bytes = (p.count() + p.batch * rows * outputs) * stored_bytes(precision) +
                        packed_bytes(precision, taps, p.channels, outputs) + biases(outputs) + 4 * p.channels;
  return {"convolution",
          "down by " + std::to_string(stride) + ", " + std::to_string(p.channels) + " to " + std::to_string(outputs),
          precision,
          {"conv1d"},
          record,
          product_work(p.batch * rows, taps * p.channels, outputs, bytes),
          engines_for(precision, p.channels)};
}

// Towards x: a transposed convolution.
Case input_gradient(Precision precision, const Place& p, int64_t outputs, const Taps& taps) {
  const int64_t rows = p.rows / taps.stride;
  const auto record = [=](Recorder& r) {
    r.want(r.one(
        "conv_transpose1d", {r.made({p.batch, rows, outputs}), r.weights({outputs, p.channels, taps.count})},
        {{"stride", taps.stride}, {"dilation", taps.dilation}, {"pad_left", taps.pad_left()}, {"length", p.rows}}));
  };
  const int64_t bytes = (p.count() + p.batch * rows * outputs) * stored_bytes(precision) +
                        packed_bytes(precision, taps.count / taps.stride, outputs, taps.stride * p.channels);
  return {"input gradient",
          taps.name(p.channels, outputs),
          precision,
          {"conv_transpose1d"},
          record,
          product_work(p.batch * rows, taps.count * p.channels, outputs, bytes),
          engines_for(precision, outputs)};
}

// The transposed form: every output row reads two taps.
Case up(Precision precision, const Place& p, int64_t outputs, int64_t stride) {
  const int64_t rows = p.rows * stride;
  const auto record = [=](Recorder& r) {
    r.want(r.one(
        "conv_transpose1d",
        {r.made({p.batch, p.rows, p.channels}), r.weights({p.channels, outputs, 2 * stride}), r.weights({outputs})},
        {{"stride", stride}, {"pad_left", (stride + 1) / 2}, {"length", rows}}));
  };
  const int64_t bytes = (p.count() + p.batch * rows * outputs) * stored_bytes(precision) +
                        packed_bytes(precision, 2, p.channels, stride * outputs) + biases(outputs);
  return {"convolution",
          "up by " + std::to_string(stride) + ", " + std::to_string(p.channels) + " to " + std::to_string(outputs),
          precision,
          {"conv_transpose1d"},
          record,
          product_work(p.batch * rows, 2 * p.channels, outputs, bytes),
          engines_for(precision, p.channels)};
}

Case plain(const std::string& name, Precision precision, const Place& p, int64_t outputs, int64_t taps,
           int64_t stride) {
  const int64_t rows = p.rows / stride;
  const auto record = [=](Recorder& r) {
    r.want(r.one("conv1d",
                 {r.made({p.batch, p.rows, p.channels}), r.weights({outputs, p.channels, taps}), r.weights({outputs})},
                 {{"stride", stride}, {"pad_left", taps / 2}, {"length", rows}}));
  };
  const int64_t bytes = (p.count() + p.batch * rows * outputs) * stored_bytes(precision) +
                        packed_bytes(precision, taps, p.channels, outputs) + biases(outputs);
  return {"convolution",
          name,
          precision,
          {"conv1d"},
          record,
          product_work(p.batch * rows, taps * p.channels, outputs, bytes),
          engines_for(precision, p.channels)};
}

// Of one output channel: no matrix product, and its weights are not packed.
Case to_audio(const Place& p) {
  const auto record = [=](Recorder& r) {
    r.want(r.one("conv1d", {r.made({p.batch, p.rows, p.channels}), r.weights({1, p.channels, kTaps}), r.weights({1})},
                 {{"pad_left", kTaps / 2}, {"pad_right", kTaps / 2}}));
  };
  const int64_t bytes = 4 * (p.count() + p.batch * p.rows + kTaps * p.channels + 1);
  return {"convolution", "to audio, " + std::to_string(p.channels) + " to 1",         Precision::fp32, {"conv1d"},
          record,        product_work(p.batch * p.rows, kTaps * p.channels, 1, bytes)};
}

Case weight_gradient(Precision precision, const Place& p, int64_t outputs, const Taps& taps) {
  const int64_t rows = p.rows / taps.stride;
  const auto record = [=](Recorder& r) {
    r.want(r.one(
        "conv1d_weight_grad", {r.made({p.batch, p.rows, p.channels}), r.made({p.batch, rows, outputs})},
        {{"stride", taps.stride}, {"dilation", taps.dilation}, {"pad_left", taps.pad_left()}, {"kernel", taps.count}}));
  };
  const int64_t bytes =
      (p.count() + p.batch * rows * outputs) * stored_bytes(precision) + 4 * taps.count * p.channels * outputs;
  return {"weight gradient",
          taps.name(p.channels, outputs),
          precision,
          {"conv1d_weight_grad"},
          record,
          product_work(taps.count * p.channels, p.batch * rows, outputs, bytes),
          engines_for(precision, std::min(p.channels, outputs))};
}

// From 192 channels, of as many clips as fill a large GPU.
void add_wide(std::vector<Case>& cases, const Sizes& sizes) {
  struct Width {
    int64_t channels, clips, rows;
  };
  const Width widths[] = {{192, 8, 12000}, {256, 32, 2000}, {384, 32, 2000},
                          {512, 32, 250},  {768, 32, 250},  {1024, 32, 125}};
  for (Precision precision : kReducedPrecisions) {
    for (const Width& w : widths) {
      const int64_t c = sizes(w.channels, w.channels == 256 ? 136 : 32);  // of which one suits that engine
      const Place place{sizes(w.clips, 1), sizes(w.rows, 24), c};
      for (bool with_snake : {false, true}) cases.push_back(seven_taps(precision, place, with_snake));
      cases.push_back(input_gradient(precision, place, c, kSeven));
      if (w.channels != 512) cases.push_back(weight_gradient(precision, place, c, kSeven));
    }
    const auto add_down = [&](const Place& p, int64_t outputs, int64_t stride) {
      const Place place{sizes(p.batch, 1), sizes(p.rows, 6 * stride), sizes(p.channels, 32)};
      cases.push_back(input_gradient(precision, place, sizes(outputs, 64), {2 * stride, stride, 1}));
      cases.push_back(weight_gradient(precision, place, sizes(outputs, 64), {2 * stride, stride, 1}));
    };
    add_down({32, 12000, 128}, 256, 6);
    add_down({32, 2000, 256}, 512, 8);
    add_down({32, 250, 512}, 1024, 2);
  }
}

}  // namespace

void add_convolutions(std::vector<Case>& cases, const Sizes& sizes) {
  constexpr int64_t kHz = 24000;
  const int64_t batch = sizes(4, 2), samples = sizes(10 * kHz, 0);
  const auto rows = [&](int64_t hop, int64_t small) { return sizes(samples / hop, small); };
  const auto channels = [&](int64_t count) { return sizes(count, 32); };
  struct Stage {
    int64_t hop, channels, to, stride;
  };
  const Stage encoder[] = {{1, 32, 64, 4}, {4, 64, 128, 5}, {20, 128, 256, 6}, {120, 256, 512, 8}, {960, 512, 1024, 2}};
  const Stage decoder[] = {
      {1920, 1536, 768, 2}, {960, 768, 384, 8}, {120, 384, 192, 6}, {20, 192, 96, 5}, {4, 96, 48, 4}};
  for (Precision precision : kAllPrecisions) {
    for (const Stage& s : encoder) {
      const int64_t unit = sizes(s.channels, s.channels <= kMostJoined ? 32 : 208);
      cases.push_back(residual_unit("encoder", precision, {batch, rows(s.hop, 40), unit}));
      cases.push_back(
          down(precision, {batch, rows(s.hop, 6 * s.stride), channels(s.channels)}, sizes(s.to, 64), s.stride));
    }
    for (const Stage& s : decoder) {
      cases.push_back(up(precision, {batch, rows(s.hop, 10), channels(s.channels)}, channels(s.to), s.stride));
      const int64_t unit = sizes(s.to, s.to <= kMostJoined ? 48 : 208);
      cases.push_back(residual_unit("decoder", precision, {batch, rows(s.hop / s.stride, 40), unit}));
    }
    cases.push_back(plain("end of the encoder, 1024 to 1024, 3 taps", precision,
                          {batch, rows(1920, 20), channels(1024)}, channels(1024), 3, 1));
    cases.push_back(plain("begin of the decoder, 1024 to 1536, 7 taps", precision,
                          {batch, rows(1920, 20), channels(1024)}, channels(1536), 7, 1));
    const int64_t clips = sizes(8, 1), frames = sizes(3000, 40);
    cases.push_back(
        plain("Whisper, 128 to 1280, 3 taps", precision, {clips, frames, channels(128)}, channels(1280), 3, 1));
    cases.push_back(plain("Whisper, 1280 to 1280, 3 taps, stride 2", precision, {clips, frames, channels(1280)},
                          channels(1280), 3, 2));
    for (const Stage& s : {encoder[0], encoder[2], encoder[4]}) {
      const int64_t c = channels(s.channels);
      cases.push_back(weight_gradient(precision, {batch, rows(s.hop, 40), c}, c, kSeven));
    }
  }
  add_wide(cases, sizes);
  cases.push_back(plain("from audio, 1 to 32", Precision::fp32, {batch, rows(1, 80), 1}, 32, kTaps, 1));
  cases.push_back(to_audio({batch, rows(1, 80), 48}));
}

}  // namespace lmspt::lab
