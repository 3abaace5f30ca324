#include "ops/conv2d/conv2d.h"

#include "gemm/bf16_panels.h"
#include "graph/graph.h"
#include "graph/registry.h"
#include "ops/precision.h"

namespace lmspt {

namespace {

// Limits that keep positions from overflowing and the number of phases small.
constexpr int64_t kLargestStride = 1024;
constexpr int64_t kLargest = int64_t{1} << 20;

std::vector<AttrSpec> conv_attrs(std::initializer_list<AttrSpec> more = {}) {
  std::vector<AttrSpec> attrs = {AttrSpec::integer("stride_h", 1),
                                 AttrSpec::integer("stride_w", 1),
                                 AttrSpec::integer("dilation_h", 1),
                                 AttrSpec::integer("dilation_w", 1),
                                 AttrSpec::integer("pad_h", 0),
                                 AttrSpec::integer("pad_w", 0),
                                 precision_attr()};
  attrs.insert(attrs.end(), more);
  return attrs;
}

AttrSpec slope_attr() { return AttrSpec::real("slope", 1); }

void check_range(const InferContext& context, const char* name, int64_t least, int64_t most) {
  const int64_t value = context.attrs.i(name);
  context.expect(least <= value && value <= most, std::string("expected ") + name + " from " + std::to_string(least) +
                                                      " to " + std::to_string(most) + ", got " + std::to_string(value));
}

void check_steps(const InferContext& context) {
  for (const char* name : {"stride_h", "stride_w"}) check_range(context, name, 1, kLargestStride);
  for (const char* name : {"dilation_h", "dilation_w"}) check_range(context, name, 1, kLargest);
}

void check_geometry(const InferContext& context) {
  check_steps(context);
  for (const char* name : {"pad_h", "pad_w"}) check_range(context, name, 0, kLargest);
  expect_precision(context);
}

void expect_image(const InferContext& context, int input, const char* name) {
  context.expect_dtype(input, name, DType::f32);
  context.expect_rank(input, name, 4);
}

void expect_kernel(const InferContext& context, int input) {
  expect_image(context, input, "w");
  const Shape& w = context.shape(input);
  context.expect(w[2] >= 1 && w[3] >= 1 && w[2] <= kLargest && w[3] <= kLargest,
                 "expected w (O, I, kh, kw) with kh and kw of at least 1, got " + to_string(w));
}

// The shape of y for x (B, H, W, I) and `channels` outputs.
Shape output_shape(const InferContext& context, const Shape& x, int64_t channels, int64_t kernel_h, int64_t kernel_w) {
  const Attrs& attrs = context.attrs;
  const Shape y = make_shape(
      {x[0], conv2d_length(x[1], kernel_h, attrs.i("stride_h"), attrs.i("dilation_h"), attrs.i("pad_h")),
       conv2d_length(x[2], kernel_w, attrs.i("stride_w"), attrs.i("dilation_w"), attrs.i("pad_w")), channels});
  context.expect(y[1] > 0 && y[2] > 0, "expected x that is at least as large as the kernel after padding, got x " +
                                           to_string(x) + " for a kernel of " + std::to_string(kernel_h) + " by " +
                                           std::to_string(kernel_w));
  return y;
}

void check_slope(const InferContext& context) {
  context.expect(context.attrs.f("slope") > 0, "expected a slope above 0");
}

AttrArgs geometry_args(const Attrs& attrs) {
  AttrArgs args;
  for (const char* name : {"stride_h", "stride_w", "dilation_h", "dilation_w", "pad_h", "pad_w", "precision"}) {
    args.emplace_back(name, attrs.i(name));
  }
  return args;
}

// ---- conv2d ----

void infer_conv2d(InferContext& context) {
  check_geometry(context);
  check_slope(context);
  expect_image(context, 0, "x");
  expect_kernel(context, 1);
  const Shape &x = context.shape(0), &w = context.shape(1);
  context.expect(x[3] == w[1], "expected x with " + std::to_string(w[1]) + " channels, got " + std::to_string(x[3]));
  if (context.has(2)) {
    context.expect_dtype(2, "bias", DType::f32);
    context.expect_shape(2, "bias", make_shape({w[0]}));
  }
  context.output(output_shape(context, x, w[0], w[2], w[3]));
}

void gradient_conv2d(GradContext& context) {
  const double slope = context.node.attrs.f("slope");
  ValueId gy = context.output_grads[0];
  if (slope != 1) gy = context.call("leaky_relu_grad", {context.out(0), gy}, {{"a", slope}});
  if (context.needs(0)) {
    AttrArgs args = geometry_args(context.node.attrs);
    args.emplace_back("height", context.in_shape(0)[1]);
    args.emplace_back("width", context.in_shape(0)[2]);
    context.input_grads[0] = context.call("conv2d_input_grad", {gy, context.in(1)}, args);
  }
  if (context.needs(1)) {
    AttrArgs args = geometry_args(context.node.attrs);
    args.emplace_back("kernel_h", context.in_shape(1)[2]);
    args.emplace_back("kernel_w", context.in_shape(1)[3]);
    context.input_grads[1] = context.call("conv2d_weight_grad", {context.in(0), gy}, args);
  }
  if (context.needs(2)) context.input_grads[2] = context.call("sum", {gy}, {{"first", 0}, {"last", 2}});
}

// The shape (planes, dims ..., words of the channels, 16) of packed bf16 weights.
void bf16_output(InferContext& context, std::initializer_list<int64_t> dims, int64_t channels) {
  Tensor packed = bf16_panels(precision_of(context.attrs), 1, channels, 1);
  const int64_t words = packed.shape[3];
  packed.shape.rank = 1;
  for (int64_t dim : dims) packed.shape.dims[packed.shape.rank++] = dim;
  packed.shape.dims[packed.shape.rank++] = words;
  packed.shape.dims[packed.shape.rank++] = kPanelWidth;
  context.outputs.push_back(packed);
}

// (O, I, kh, kw) -> (panels of O, kh, kw, I, 16), for bf16 (planes, panels of O, kh, kw, pairs of I, 16)
void infer_pack(InferContext& context) {
  expect_kernel(context, 0);
  expect_precision(context);
  const Shape& w = context.shape(0);
  if (is_bf16(precision_of(context.attrs))) return bf16_output(context, {panel_count(w[0]), w[2], w[3]}, w[1]);
  context.output(make_shape({panel_count(w[0]), w[2], w[3], w[1], kPanelWidth}));
}

// ---- gradients ----

void infer_input_grad(InferContext& context) {
  check_geometry(context);
  check_slope(context);
  for (const char* name : {"height", "width"}) check_range(context, name, 0, int64_t{1} << 40);
  expect_image(context, 0, "gy");
  expect_kernel(context, 1);
  const Shape &gy = context.shape(0), &w = context.shape(1);
  const Shape x = make_shape({gy[0], context.attrs.i("height"), context.attrs.i("width"), w[1]});
  context.expect_shape(0, "gy", output_shape(context, x, w[0], w[2], w[3]));
  if (context.has(kConv2dResidual)) context.expect_shape(kConv2dResidual, "residual", x);
  if (context.has(kConv2dSigns)) context.expect_shape(kConv2dSigns, "signs", x);
  context.output(x);
}

// (O, I, kh, kw) -> (kh, kw, panels of I, O, 16): phase after phase, in each (panels of I, taps of the phase, O, 16);
// for bf16 (planes, kh, kw, panels of I, pairs of O, 16)
void infer_pack_input_grad(InferContext& context) {
  expect_kernel(context, 0);
  check_steps(context);
  expect_precision(context);
  const Shape& w = context.shape(0);
  if (is_bf16(precision_of(context.attrs))) return bf16_output(context, {w[2], w[3], panel_count(w[1])}, w[0]);
  context.output(make_shape({w[2], w[3], panel_count(w[1]), w[0], kPanelWidth}));
}

void infer_weight_grad(InferContext& context) {
  check_geometry(context);
  for (const char* name : {"kernel_h", "kernel_w"}) check_range(context, name, 1, kLargest);
  expect_image(context, 0, "x");
  expect_image(context, 1, "gy");
  const Shape &x = context.shape(0), &gy = context.shape(1);
  const int64_t kernel_h = context.attrs.i("kernel_h"), kernel_w = context.attrs.i("kernel_w");
  context.expect_shape(1, "gy", output_shape(context, x, gy[3], kernel_h, kernel_w));
  context.output(make_shape({gy[3], x[3], kernel_h, kernel_w}));
}

}  // namespace

void refuse_bf16_packing(const char* op) {
  throw Error(ErrorCode::unsupported, "[" + std::string(op) + "] expected the precision \"fp32\" on cpu, got bf16");
}

void register_conv2d(Registry& registry) {
  OpDef conv{"conv2d", 2, 3, conv_attrs({slope_attr()}), infer_conv2d, gradient_conv2d};
  conv.packing = {{1, "pack_conv2d",
                   [](const Attrs& attrs, const std::vector<Tensor>&) { return AttrArgs{packed_precision(attrs)}; }}};
  registry.add(conv);
  registry.add({"pack_conv2d", 1, 1, {precision_attr()}, infer_pack, nullptr, "a layout of weights"});

  OpDef input_grad{
      "conv2d_input_grad",
      2,
      4,
      conv_attrs({AttrSpec::required_integer("height"), AttrSpec::required_integer("width"), slope_attr()}),
      infer_input_grad,
      nullptr,
      "itself a gradient"};
  input_grad.packing = {{1, "pack_conv2d_input_grad", [](const Attrs& attrs, const std::vector<Tensor>&) {
                           AttrArgs args{packed_precision(attrs)};
                           for (const char* name : {"stride_h", "stride_w", "dilation_h", "dilation_w"}) {
                             args.emplace_back(name, attrs.i(name));
                           }
                           return args;
                         }}};
  registry.add(input_grad);
  registry.add({"pack_conv2d_input_grad",
                1,
                1,
                {AttrSpec::integer("stride_h", 1), AttrSpec::integer("stride_w", 1), AttrSpec::integer("dilation_h", 1),
                 AttrSpec::integer("dilation_w", 1), precision_attr()},
                infer_pack_input_grad,
                nullptr,
                "a layout of weights"});

  registry.add({"conv2d_weight_grad", 2, 2,
                conv_attrs({AttrSpec::required_integer("kernel_h"), AttrSpec::required_integer("kernel_w")}),
                infer_weight_grad, nullptr, "itself a gradient"});
}

}  // namespace lmspt
