#include "ops/conv_transpose1d/conv_transpose1d.h"

#include "gemm/bf16_panels.h"
#include "graph/graph.h"
#include "graph/registry.h"
#include "ops/conv1d/conv1d.h"
#include "ops/conv1d/convolution_gradient.h"
#include "ops/conv1d/infer_items.h"
#include "ops/conv1d/items.h"
#include "ops/precision.h"
#include "ops/snake/next_snake.h"

namespace lmspt {

namespace {

// The rows of y of items of different lengths.
int64_t rows_of_items(const InferContext& context, int64_t reach) {
  expect_items(context, kTransposeEnds);
  const Attrs& attrs = context.attrs;
  const int64_t stride = attrs.i("stride"), trimmed = attrs.i("pad_left") + attrs.i("pad_right");
  context.expect(attrs.i("length") < 0 && reach - trimmed <= stride * (attrs.i("missing") + 1),
                 "expected no length and a padding that leaves an item no more rows than its frames have, got " +
                     std::to_string(trimmed) + " rows");
  context.expect(context.shape(0)[1] <= kMaxElements / stride,
                 "expected fewer rows, got " + to_string(context.shape(0)));
  return context.shape(0)[1] * stride;
}

void infer_conv_transpose1d(InferContext& context) {
  for (const char* name : {"stride", "dilation", "groups"}) context.expect_attr(name, 1, kMaxConvStep);
  context.expect_rank(0, "x", 3);
  context.expect_rank(1, "w", 3);
  for (int i = 0; i < 2; ++i) context.expect_dtype(i, i == 0 ? "x" : "w", DType::f32);
  const Shape &x = context.shape(0), &w = context.shape(1);
  const Attrs& attrs = context.attrs;
  const int64_t stride = attrs.i("stride"), dilation = attrs.i("dilation"), groups = attrs.i("groups");
  context.expect(stride == 1 || dilation == 1, "expected a stride or a dilation of 1, got stride " +
                                                   std::to_string(stride) + " and dilation " +
                                                   std::to_string(dilation));
  context.expect(x[2] == w[0], "expected x with " + std::to_string(w[0]) + " channels, got " + std::to_string(x[2]));
  context.expect(w[0] >= 1, "expected w with at least one input channel, got " + to_string(w));
  context.expect(w[0] % groups == 0 && w[2] >= 1, "expected w (I, O / groups, k) with I divisible by groups " +
                                                      std::to_string(groups) + " and k >= 1, got " + to_string(w));
  const int64_t reach = dilation * (w[2] - 1) + 1;
  context.expect(x[2] <= kMaxConvReach / reach,
                 "expected a dilated kernel that reaches at most " + std::to_string(kMaxConvReach) +
                     " elements of x, got " + std::to_string(reach) + " rows of " + std::to_string(x[2]) + " channels");
  context.expect(w[1] <= kMaxConvReach / stride, "expected a stride of at most " + std::to_string(kMaxConvReach) +
                                                     " elements of y, got " + std::to_string(stride) + " rows of " +
                                                     std::to_string(w[1]) + " channels");
  context.expect_attr("pad_left", 0, kMaxElements);
  context.expect_attr("winograd", 0, 1);
  context.expect(!attrs.b("winograd") || (stride == 1 && groups == 1),
                 "expected stride 1 and groups 1 for the fast algorithm, got stride " + std::to_string(stride) +
                     " and groups " + std::to_string(groups));
  expect_precision(context);
  int64_t length = context.has(kTransposeEnds) ? rows_of_items(context, reach) : attrs.i("length");
  if (length < 0) {
    length = (x[1] - 1) * stride + dilation * (w[2] - 1) + 1 - attrs.i("pad_left") - attrs.i("pad_right");
    context.expect(x[1] > 0 && length >= 0, "expected an x long enough for this padding, got " + to_string(x));
  }
  const int64_t out_channels = w[1] * groups;
  if (context.has(2)) context.expect_shape(2, "bias", make_shape({out_channels}));
  infer_activated(context, make_shape({x[0], length, out_channels}), kTransposeNextAlpha);
}

void gradient_conv_transpose1d(GradContext& context) {
  if (context.node.attrs.i("activated") > 0) {
    throw Error(ErrorCode::unsupported,
                "[conv_transpose1d] has no gradient in its fused form: record snake as an op of its own");
  }
  refuse_items(context, kTransposeEnds);
  convolution_gradient(context, "conv1d", false);
}

// (I, O / groups, k) -> (groups, panels of stride * O / groups, taps, I / groups, 16); for bf16 as gemm/bf16_panels.h
// says
void infer_pack(InferContext& context) {
  context.expect_rank(0, "w", 3);
  for (const char* name : {"stride", "groups"}) context.expect_attr(name, 1, kMaxConvStep);
  const Shape& w = context.shape(0);
  const int64_t groups = context.attrs.i("groups"), stride = context.attrs.i("stride");
  context.expect(w[0] >= 1, "expected w with at least one input channel, got " + to_string(w));
  context.expect(w[0] % groups == 0, "expected w with a number of inputs divisible by groups, got " + to_string(w));
  const int64_t taps = (w[2] + stride - 1) / stride;
  if (is_bf16(precision_of(context.attrs))) {
    context.expect(groups == 1, "expected groups 1 for bf16, got " + std::to_string(groups));
    context.outputs.push_back(bf16_panels(precision_of(context.attrs), taps, w[0], stride * w[1]));
  } else {
    context.output(make_shape({groups, panel_count(stride * w[1]), taps, w[0] / groups, kPanelWidth}));
  }
}

}  // namespace

void register_conv_transpose1d(Registry& registry) {
  OpDef conv{"conv_transpose1d",
             2,
             kTransposeNextAlpha + 1,
             with_item_attrs({AttrSpec::integer("stride", 1), AttrSpec::integer("dilation", 1),
                              AttrSpec::integer("groups", 1), AttrSpec::integer("pad_left", 0),
                              AttrSpec::integer("pad_right", 0), AttrSpec::integer("length", -1),
                              AttrSpec::integer("winograd", 0), activated_attr(), precision_attr()}),
             infer_conv_transpose1d,
             gradient_conv_transpose1d};
  conv.integer_inputs = {kTransposeEnds};
  conv.packing = {{1, "pack_conv_transpose1d", [](const Attrs& attrs, const std::vector<Tensor>&) {
                     return AttrArgs{
                         {"groups", attrs.i("groups")}, {"stride", attrs.i("stride")}, packed_precision(attrs)};
                   }}};
  registry.add(conv);
  registry.add({"pack_conv_transpose1d",
                1,
                1,
                {AttrSpec::integer("groups", 1), AttrSpec::integer("stride", 1), precision_attr()},
                infer_pack,
                nullptr,
                "a layout of weights"});
}

}  // namespace lmspt
