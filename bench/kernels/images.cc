// Convolutions over two dimensions: the multi-period discriminators' (5, 1) kernels and the spectral ones' (3, 9).
#include <algorithm>

#include "case.h"

namespace lmspt::lab {

namespace {

struct Image {
  std::string name;
  int64_t batch, height, width, channels, outputs, kernel_h, kernel_w, stride_h, stride_w;
};

void add_image(std::vector<Case>& cases, Precision precision, const Image& i) {
  const int64_t pad_h = i.kernel_h / 2, pad_w = i.kernel_w / 2;
  const int64_t height = (i.height + 2 * pad_h - i.kernel_h) / i.stride_h + 1;
  const int64_t width = (i.width + 2 * pad_w - i.kernel_w) / i.stride_w + 1;
  const int64_t rows = i.batch * height * width, taps = i.kernel_h * i.kernel_w;
  const int64_t pixels = i.batch * i.height * i.width;
  const int64_t size = stored_bytes(precision);
  const AttrArgs geometry = {{"stride_h", i.stride_h}, {"stride_w", i.stride_w}, {"pad_h", pad_h}, {"pad_w", pad_w}};
  const auto with = [geometry](const char* a, int64_t of_a, const char* b, int64_t of_b) {
    AttrArgs all = geometry;
    all.emplace_back(a, of_a);
    all.emplace_back(b, of_b);
    return all;
  };
  const int64_t values = (pixels * i.channels + rows * i.outputs) * size;
  std::vector<Variant> variants = engines_for(precision, std::min(i.channels, i.outputs));
  if (precision == Precision::bf16 && i.kernel_w > 1) {
    variants.push_back({"without shifts", {{"LMSPT_CUDA_SHIFTS", "0"}}});
  }
  const auto add = [&](const char* family, const char* op, auto record, const Work& work) {
    cases.push_back({family, i.name, precision, {op}, record, work, variants});
  };
  const auto forward = [=](Recorder& r) {
    r.want(r.one("conv2d",
                 {r.made({i.batch, i.height, i.width, i.channels}),
                  r.weights({i.outputs, i.channels, i.kernel_h, i.kernel_w}), r.weights({i.outputs})},
                 geometry));
  };
  add("convolution 2-D", "conv2d", forward,
      product_work(rows, taps * i.channels, i.outputs,
                   values + packed_bytes(precision, taps, i.channels, i.outputs) + 4 * i.outputs));
  const auto of_inputs = [=](Recorder& r) {
    r.want(
        r.one("conv2d_input_grad",
              {r.made({i.batch, height, width, i.outputs}), r.weights({i.outputs, i.channels, i.kernel_h, i.kernel_w})},
              with("height", i.height, "width", i.width)));
  };
  add("input gradient 2-D", "conv2d_input_grad", of_inputs,
      product_work(rows, taps * i.channels, i.outputs, values + packed_bytes(precision, taps, i.outputs, i.channels)));
  const auto of_weights = [=](Recorder& r) {
    r.want(r.one("conv2d_weight_grad",
                 {r.made({i.batch, i.height, i.width, i.channels}), r.made({i.batch, height, width, i.outputs})},
                 with("kernel_h", i.kernel_h, "kernel_w", i.kernel_w)));
  };
  add("weight gradient 2-D", "conv2d_weight_grad", of_weights,
      product_work(taps * i.channels, rows, i.outputs, values + 4 * taps * i.channels * i.outputs));
}

}  // namespace

void add_images(std::vector<Case>& cases, const Sizes& sizes) {
  const int64_t batch = sizes(16, 1);
  const auto channels = [&](int64_t count) { return sizes(count, 32); };
  for (Precision precision : kAllPrecisions) {
    const auto add = [&](const char* name, int64_t rows, int64_t inputs, int64_t outputs, int64_t stride) {
      add_image(cases, precision,
                {name, batch, sizes(rows, 24), 3, channels(inputs), channels(outputs), 5, 1, stride, 1});
    };
    add("period 3, 32 to 128", 16000, 32, 128, 3);
    add("period 3, 128 to 512", 5334, 128, 512, 3);
    add("period 3, 512 to 1024", 1778, 512, 1024, 3);
    add("period 3, 1024 to 1024", 593, 1024, 1024, 1);
    add_image(cases, precision,
              {"spectral, 64 to 64", batch, sizes(281, 10), sizes(256, 12), channels(64), channels(64), 3, 9, 1, 2});
    add_image(
        cases, precision,
        {"spectral, 64 to 64, 3 x 3", batch, sizes(281, 10), sizes(64, 12), channels(64), channels(64), 3, 3, 1, 1});
    // The ends of discriminators.
    add_image(cases, precision,
              {"spectral, 2 to 64", sizes(8, 2), sizes(1125, 10), sizes(64, 12), 2, channels(64), 3, 9, 1, 1});
    add_image(cases, precision,
              {"spectral, 64 to 1", sizes(8, 2), sizes(1125, 10), sizes(64, 12), channels(64), 1, 3, 3, 1, 1});
    add_image(cases, precision, {"period 3, 1 to 32", batch, sizes(48000, 24), 3, 1, 32, 5, 1, 3, 1});
    add_image(cases, precision, {"period 3, 1024 to 1", batch, sizes(593, 24), 3, channels(1024), 1, 3, 1, 1, 1});
  }
}

}  // namespace lmspt::lab
