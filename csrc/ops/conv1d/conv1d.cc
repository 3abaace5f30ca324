#include "ops/conv1d/conv1d.h"

#include "gemm/bf16_panels.h"
#include "graph/graph.h"
#include "graph/registry.h"
#include "ops/conv1d/convolution_gradient.h"
#include "ops/conv1d/infer_items.h"
#include "ops/conv1d/items.h"
#include "ops/conv1d/winograd.h"
#include "ops/precision.h"
#include "ops/snake/next_snake.h"

namespace lmspt {

namespace {

std::vector<AttrSpec> conv_attrs() {
  return with_item_attrs(
      {AttrSpec::integer("stride", 1), AttrSpec::integer("dilation", 1), AttrSpec::integer("groups", 1),
       AttrSpec::integer("pad_left", 0), AttrSpec::integer("pad_right", 0), AttrSpec::integer("length", -1),
       AttrSpec::integer("winograd", 0), AttrSpec::integer("transposed", 0), activated_attr(), precision_attr()});
}

void check_geometry(InferContext& context) {
  for (const char* name : {"stride", "dilation", "groups"}) context.expect_attr(name, 1, kMaxConvStep);
}

void check_reach(const InferContext& context, int64_t kernel, int64_t channels) {
  const int64_t rows = context.attrs.i("stride") + context.attrs.i("dilation") * (kernel - 1);
  context.expect(channels <= kMaxConvReach / rows, "expected a stride and a dilated kernel that reach at most " +
                                                       std::to_string(kMaxConvReach) + " elements of x, got " +
                                                       std::to_string(rows) + " rows of " + std::to_string(channels) +
                                                       " channels");
}

// (O, I / groups, k), whichever way the weights lie.
Shape plain_shape(const InferContext& context, int input) {
  Shape w = context.shape(input);
  if (context.attrs.b("transposed")) std::swap(w[0], w[1]);
  return w;
}

// The rows of y of items of different lengths.
int64_t rows_of_items(const InferContext& context, int64_t span) {
  expect_items(context, kConvEnds);
  const Attrs& attrs = context.attrs;
  const int64_t stride = attrs.i("stride");
  context.expect(attrs.i("frame_rows") % stride == 0 && attrs.i("length") < 0,
                 "expected frame_rows divisible by stride and no length for items of different lengths");
  const int64_t padding = attrs.i("pad_left") + attrs.i("pad_right");
  context.expect(padding - attrs.i("missing") < span,
                 "expected padding that gives an item no more rows than its frames have, got " +
                     std::to_string(padding) + " rows");
  return context.shape(0)[1] / stride;
}

void infer_conv1d(InferContext& context) {
  check_geometry(context);
  context.expect_rank(0, "x", 3);
  context.expect_rank(1, "w", 3);
  for (int i = 0; i < 2; ++i) context.expect_dtype(i, i == 0 ? "x" : "w", DType::f32);
  const Shape &x = context.shape(0), w = plain_shape(context, 1);
  const Attrs& attrs = context.attrs;
  const int64_t groups = attrs.i("groups");
  context.expect(!attrs.b("transposed") || groups == 1,
                 "expected groups 1 with transposed weights, got " + std::to_string(groups));
  context.expect(x[2] == w[1] * groups,
                 "expected x with " + std::to_string(w[1] * groups) + " channels, got " + std::to_string(x[2]));
  context.expect(w[1] >= 1, "expected w with at least one input channel, got " + to_string(w));
  context.expect(w[0] % groups == 0 && w[2] >= 1, "expected w (O, I / groups, k) with O divisible by groups " +
                                                      std::to_string(groups) + " and k >= 1, got " + to_string(w));
  check_reach(context, w[2], x[2]);
  context.expect_attr("winograd", 0, 1);
  expect_precision(context);
  context.expect(!attrs.b("winograd") || (attrs.i("stride") == 1 && groups == 1),
                 "expected stride 1 and groups 1 for the fast algorithm, got stride " +
                     std::to_string(attrs.i("stride")) + " and groups " + std::to_string(groups));
  const int64_t span = attrs.i("dilation") * (w[2] - 1) + 1;
  const int64_t padded = x[1] + attrs.i("pad_left") + attrs.i("pad_right");
  int64_t length = context.has(kConvEnds) ? rows_of_items(context, span) : attrs.i("length");
  if (length < 0) {
    context.expect(padded >= span, "expected x with at least " + std::to_string(span) + " rows after padding, got " +
                                       std::to_string(padded));
    length = (padded - span) / attrs.i("stride") + 1;
  }
  const Shape y = make_shape({x[0], length, w[0]});
  if (context.has(2)) context.expect_shape(2, "bias", make_shape({w[0]}));
  if (context.has(kConvAlpha)) context.expect_shape(kConvAlpha, "alpha", make_shape({x[2]}));
  if (context.has(kConvResidual)) context.expect_shape(kConvResidual, "residual", y);
  infer_activated(context, y, kConvNextAlpha);
}

void gradient_conv1d(GradContext& context) {
  if (context.in(kConvAlpha) != kNoValue || context.in(kConvResidual) != kNoValue ||
      context.node.attrs.b("transposed") || context.node.attrs.i("activated") > 0) {
    throw Error(
        ErrorCode::unsupported,
        "[conv1d] has no gradient in its fused form: record snake, add and conv_transpose1d as ops of their own");
  }
  refuse_items(context, kConvEnds);
  convolution_gradient(context, "conv_transpose1d", true);
}

void infer_weight_grad(InferContext& context) {
  check_geometry(context);
  context.expect_rank(0, "x", 3);
  context.expect_rank(1, "gy", 3);
  const Shape &x = context.shape(0), &gy = context.shape(1);
  const int64_t groups = context.attrs.i("groups");
  context.expect(x[0] == gy[0], "expected x and gy of one batch size, got " + to_string(x) + " and " + to_string(gy));
  context.expect(x[2] >= 1, "expected x with at least one channel, got " + to_string(x));
  context.expect(x[2] % groups == 0 && gy[2] % groups == 0,
                 "expected channels divisible by groups " + std::to_string(groups));
  context.expect_attr("kernel", 1, kMaxConvStep);
  expect_precision(context);
  check_reach(context, context.attrs.i("kernel"), x[2]);
  context.output(make_shape({gy[2], x[2] / groups, context.attrs.i("kernel")}));
}

void infer_residual_unit(InferContext& context) {
  context.expect_rank(0, "x", 3);
  context.expect_rank(1, "w1", 3);
  const Shape& x = context.shape(0);
  context.expect_shape(1, "w1", make_shape({x[2], x[2], context.shape(1)[2]}));
  for (int bias : {2, 5}) {
    if (context.has(bias)) context.expect_shape(bias, "bias", make_shape({x[2]}));
  }
  for (int alpha : {3, 6}) context.expect_shape(alpha, "alpha", make_shape({x[2]}));
  context.expect_shape(4, "w2", make_shape({x[2], x[2], 1}));
  if (context.has(kUnitEnds)) expect_items(context, kUnitEnds);
  infer_activated(context, x, kUnitNextAlpha);
}

AttrArgs plain_packing(const Attrs& attrs, const std::vector<Tensor>&) { return {packed_precision(attrs)}; }
AttrArgs fast_packing(const Attrs& attrs, const std::vector<Tensor>&) {
  return {{"winograd", attrs.i("winograd")}, packed_precision(attrs)};
}

// (O, I / groups, k) -> (groups, panels of O / groups, k, I / groups, 16); for the fast algorithm
// (7 points, panels of O, groups of taps, I, 16); for bf16 as gemm/bf16_panels.h says
void infer_pack(InferContext& context) {
  context.expect_rank(0, "w", 3);
  context.expect_attr("groups", 1, kMaxConvStep);
  const Shape w = plain_shape(context, 0);
  const int64_t groups = context.attrs.i("groups");
  context.expect(!context.attrs.b("transposed") || groups == 1, "expected groups 1 with transposed weights");
  context.expect(w[1] >= 1, "expected w with at least one input channel, got " + to_string(w));
  context.expect(w[0] % groups == 0, "expected w with a number of outputs divisible by groups, got " + to_string(w));
  if (is_bf16(precision_of(context.attrs))) {
    context.expect(groups == 1, "expected groups 1 for bf16, got " + std::to_string(groups));
    context.outputs.push_back(bf16_panels(precision_of(context.attrs), w[2], w[1], w[0]));
  } else if (context.attrs.b("winograd")) {
    context.expect(groups == 1, "expected groups 1 for the fast algorithm, got " + std::to_string(groups));
    context.output(make_shape({kWinogradPoints, panel_count(w[0]), winograd_groups(w[2]), w[1], kPanelWidth}));
  } else {
    context.output(make_shape({groups, panel_count(w[0] / groups), w[2], w[1], kPanelWidth}));
  }
}

}  // namespace

void register_conv1d(Registry& registry) {
  OpDef conv{"conv1d", 2, kConvNextAlpha + 1, conv_attrs(), infer_conv1d, gradient_conv1d};
  conv.integer_inputs = {kConvEnds};
  conv.packing = {{1, "pack_conv1d", [](const Attrs& attrs, const std::vector<Tensor>&) {
                     return AttrArgs{{"groups", attrs.i("groups")},
                                     {"winograd", attrs.i("winograd")},
                                     {"transposed", attrs.i("transposed")},
                                     packed_precision(attrs)};
                   }}};
  conv.packs = [](const Attrs& attrs, const std::vector<Tensor>& inputs) {
    const Shape& w = inputs[1].shape;
    return !is_depthwise(attrs.i("groups"), w[1], w[0] / attrs.i("groups")) && !is_narrow(attrs, w[0], w[2]);
  };
  registry.add(conv);
  registry.add({"pack_conv1d",
                1,
                1,
                {AttrSpec::integer("groups", 1), AttrSpec::integer("winograd", 0), AttrSpec::integer("transposed", 0),
                 precision_attr()},
                infer_pack,
                nullptr,
                "a layout of weights"});
  OpDef unit{"fused_residual_unit",
             7,
             kUnitNextAlpha + 1,
             conv_attrs(),
             infer_residual_unit,
             nullptr,
             "fused: record its two convolutions, Snakes and sum as ops of their own"};
  unit.integer_inputs = {kUnitEnds};
  unit.packing = {{1, "pack_conv1d", fast_packing}, {4, "pack_conv1d", plain_packing}};
  registry.add(unit);
  registry.add({"conv1d_weight_grad",
                2,
                2,
                {AttrSpec::integer("stride", 1), AttrSpec::integer("dilation", 1), AttrSpec::integer("groups", 1),
                 AttrSpec::integer("pad_left", 0), AttrSpec::required_integer("kernel"), precision_attr()},
                infer_weight_grad,
                nullptr,
                "itself a gradient"});
}

}  // namespace lmspt
