// Spectra of overlapping frames, by the fast Fourier transform. W is a power of two, 16 to 2048.
//   spectra(x, window, turns): x (B, N) -> (B, F, W / 2 + 1, 2), F = floor((N - W) / hop) + 1: real and imaginary parts
//   of
//     sum over n of window[n] x[f hop + n] e^(-2 pi i k n / W)
//   mel_distance(a, b, window, turns, weights, starts): a, b (B, N) -> scalar: the mean over frames and bands of
//     |A - B| + |decades(A) - decades(B)|, A and B what the bands have of the magnitudes of the spectra,
//     decades(A) = 2 log10(max(A, floor))
// window (W); turns (W / 2, 2): cos and -sin of 2 pi k / W, which the caller rounds. weights (W / 2 + 1, 2) and starts
// (bands + 2), type i32, are the bands: between starts[m] and starts[m + 1], band m - 1 has weights[bin][0] of a bin
// and band m has weights[bin][1]. spectra equals a conv1d of one channel with a windowed Fourier basis; mel_distance
// equals
//   mean(abs(sub(A, B))) + mean(abs(sub(decades(A), decades(B)))), A = linear(sqrt(clamp(sum(square(spectra(a))),
//   1e-20)))
#include "ops/spectrum/spectrum.h"

#include "graph/graph.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

bool is_power_of_two(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

// Checks window and turns from input `first` on; the number of samples of a frame.
int64_t expect_tables(const InferContext& context, int first) {
  context.expect_rank(first, "window", 1);
  const int64_t size = context.shape(first)[0];
  context.expect(is_power_of_two(size) && size >= kLeastFrame && size <= kMostFrame,
                 "expected a window whose length is a power of two from 16 to 2048, got " + std::to_string(size));
  context.expect_shape(first + 1, "turns", make_shape({size / 2, 2}));
  context.expect_attr("hop", 1, int64_t{1} << 30);
  return size;
}

void expect_signal(const InferContext& context, int input, const char* name, int64_t size) {
  context.expect_rank(input, name, 2);
  context.expect(context.shape(input)[1] >= size, "expected " + std::string(name) + " with at least " +
                                                      std::to_string(size) + " samples, got " +
                                                      to_string(context.shape(input)));
}

// ---- spectra ----

void infer_spectra(InferContext& context) {
  const int64_t size = expect_tables(context, 1);
  expect_signal(context, 0, "x", size);
  const Frames frames = frames_of(context.shape(0), size, context.attrs.i("hop"));
  context.output(make_shape({frames.items, frames.count, frames.bins(), 2}));
}

void gradient_spectra(GradContext& context) {
  context.input_grads[0] = context.call("spectra_grad", {context.output_grads[0], context.in(1), context.in(2)},
                                        {{"hop", context.node.attrs.i("hop")}, {"length", context.in_shape(0)[1]}});
}

void infer_spectra_grad(InferContext& context) {
  const int64_t size = expect_tables(context, 1);
  context.expect_attr("length", size, kMaxElements);
  context.expect_rank(0, "gy", 4);
  const Shape x = make_shape({context.shape(0)[0], context.attrs.i("length")});
  const Frames frames = frames_of(x, size, context.attrs.i("hop"));
  context.expect_shape(0, "gy", make_shape({frames.items, frames.count, frames.bins(), 2}));
  context.output(x);
}

// ---- mel_distance ----

void expect_mel(const InferContext& context) {
  const int64_t size = expect_tables(context, 2);
  expect_signal(context, 0, "a", size);
  context.expect_shape(1, "b", context.shape(0));
  context.expect_shape(4, "weights", make_shape({size / 2 + 1, 2}));
  context.expect_dtype(5, "starts", DType::i32);
  context.expect_rank(5, "starts", 1);
  const int64_t bands = context.shape(5)[0] - 2;
  context.expect(bands >= 1 && bands <= size / 2,
                 "expected starts of 1 to " + std::to_string(size / 2) + " bands, got " + std::to_string(bands));
}

void infer_mel_distance(InferContext& context) {
  expect_mel(context);
  context.output(Shape{});
}

void gradient_mel_distance(GradContext& context) {
  const Attrs& attrs = context.node.attrs;
  for (int side = 0; side < 2; ++side) {  // the distance is the same both ways
    if (!context.needs(side)) continue;
    context.input_grads[side] = context.call("mel_distance_grad",
                                             {context.in(side), context.in(1 - side), context.in(2), context.in(3),
                                              context.in(4), context.in(5), context.output_grads[0]},
                                             {{"hop", attrs.i("hop")}, {"floor", attrs.f("floor")}});
  }
}

void infer_mel_distance_grad(InferContext& context) {
  expect_mel(context);
  context.expect_shape(6, "gy", Shape{});
  context.output(context.shape(0));
}

}  // namespace

void register_spectrum(Registry& registry) {
  const AttrSpec hop = AttrSpec::required_integer("hop"), floor = AttrSpec::real("floor", 1e-5);
  registry.add({"spectra", 3, 3, {hop}, infer_spectra, gradient_spectra});
  registry.add({"spectra_grad",
                3,
                3,
                {hop, AttrSpec::required_integer("length")},
                infer_spectra_grad,
                nullptr,
                "itself a gradient"});
  OpDef distance{"mel_distance", 6, 6, {hop, floor}, infer_mel_distance, gradient_mel_distance};
  OpDef gradient{"mel_distance_grad", 7, 7, {hop, floor}, infer_mel_distance_grad, nullptr, "itself a gradient"};
  distance.integer_inputs = gradient.integer_inputs = {5};  // the starts
  registry.add(distance);
  registry.add(gradient);
}

}  // namespace lmspt
