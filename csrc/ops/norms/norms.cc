// Normalisations over the last dimension C; x (..., C), w (C), bias (C).
// layer_norm(x, w, bias): y = (x - mean) / sqrt(variance + epsilon) * w + bias
// rms_norm(x, w): y = x / sqrt(mean of squares + epsilon) * w
// softmax(x): y = exp(x) / sum of exp(x)
// fused_add_layer_norm(x, y, w, bias) and fused_add_rms_norm(x, y, w) give s = x + y and its norm.
// layer_norm_grad(x, w, gy, residual) and rms_norm_grad give the gradients of x, with `residual` added where it is
// given, and, with `parameters`, of w and bias.
#include "graph/graph.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

void expect_rows(InferContext& context, int input, const char* name) {
  context.expect_dtype(input, name, DType::f32);
  const Shape& shape = context.shape(input);
  context.expect(shape.rank >= 1 && shape[-1] >= 1,
                 "expected " + std::string(name) + " with a last dimension of at least 1, got " + to_string(shape));
}

void expect_parameter(InferContext& context, int input, const char* name) {
  context.expect_dtype(input, name, DType::f32);
  context.expect_shape(input, name, make_shape({context.shape(0)[-1]}));
}

void expect_scaled_rows(InferContext& context, int w) {
  expect_rows(context, 0, "x");
  expect_parameter(context, w, "w");
  const double epsilon = context.attrs.f("epsilon");
  context.expect(epsilon >= 0, "expected epsilon of at least 0, got " + std::to_string(epsilon));
}

void expect_gradient(InferContext& context, int input) {
  context.expect_dtype(input, "gy", DType::f32);
  context.expect_shape(input, "gy", context.shape(0));
}

void infer_norm_grad(InferContext& context, int parameters) {
  expect_scaled_rows(context, 1);
  expect_gradient(context, 2);
  if (context.has(3)) {
    context.expect_dtype(3, "residual", DType::f32);
    context.expect_shape(3, "residual", context.shape(0));
  }
  context.output(context.shape(0));
  for (int i = 0; i < parameters && context.attrs.b("parameters"); ++i) context.output(context.shape(1));
}

void infer_sum(InferContext& context) {
  expect_scaled_rows(context, 2);
  context.expect_dtype(1, "y", DType::f32);
  context.expect_shape(1, "y", context.shape(0));
  context.output(context.shape(0));
  context.output(context.shape(0));
}

void gradient_norm(GradContext& context, const char* op) {
  const bool parameters = context.needs(1) || context.needs(2);
  context.input_grads = context.graph.apply(op, {context.in(0), context.in(1), context.output_grads[0]},
                                            {{"epsilon", context.node.attrs.f("epsilon")}, {"parameters", parameters}});
  context.input_grads.resize(context.needed.size(), kNoValue);
}

// ---- layer_norm ----

void infer_layer_norm(InferContext& context) {
  expect_scaled_rows(context, 1);
  expect_parameter(context, 2, "bias");
  context.output(context.shape(0));
}

void gradient_layer_norm(GradContext& context) { gradient_norm(context, "layer_norm_grad"); }

void infer_layer_norm_grad(InferContext& context) { infer_norm_grad(context, 2); }

void infer_add_layer_norm(InferContext& context) {
  infer_sum(context);
  expect_parameter(context, 3, "bias");
}

// ---- rms_norm ----

void infer_rms_norm(InferContext& context) {
  expect_scaled_rows(context, 1);
  context.output(context.shape(0));
}

void gradient_rms_norm(GradContext& context) { gradient_norm(context, "rms_norm_grad"); }

void infer_rms_norm_grad(InferContext& context) { infer_norm_grad(context, 1); }

// ---- softmax ----

void infer_softmax(InferContext& context) {
  expect_rows(context, 0, "x");
  context.output(context.shape(0));
}

void gradient_softmax(GradContext& context) {
  context.input_grads[0] = context.call("softmax_grad", {context.out(0), context.output_grads[0]});
}

void infer_softmax_grad(InferContext& context) {
  expect_rows(context, 0, "y");
  expect_gradient(context, 1);
  context.output(context.shape(0));
}

constexpr const char *kGradient = "itself a gradient", *kFused = "fused: record the sum and its norm as ops";

std::vector<AttrSpec> with_parameters(std::vector<AttrSpec> attrs) {
  attrs.push_back(AttrSpec::integer("parameters", 1));
  return attrs;
}

}  // namespace

void register_norms(Registry& registry) {
  const std::vector<AttrSpec> layer_attrs = {AttrSpec::real("epsilon", 1e-5)};
  const std::vector<AttrSpec> rms_attrs = {AttrSpec::real("epsilon", 1e-6)};
  registry.add({"layer_norm", 3, 3, layer_attrs, infer_layer_norm, gradient_layer_norm});
  registry.add({"layer_norm_grad", 3, 4, with_parameters(layer_attrs), infer_layer_norm_grad, nullptr, kGradient});
  registry.add({"rms_norm", 2, 2, rms_attrs, infer_rms_norm, gradient_rms_norm});
  registry.add({"rms_norm_grad", 3, 4, with_parameters(rms_attrs), infer_rms_norm_grad, nullptr, kGradient});
  registry.add({"softmax", 1, 1, {}, infer_softmax, gradient_softmax});
  registry.add({"softmax_grad", 2, 2, {}, infer_softmax_grad, nullptr, kGradient});
  registry.add({"fused_add_layer_norm", 4, 4, layer_attrs, infer_add_layer_norm, nullptr, kFused});
  registry.add({"fused_add_rms_norm", 3, 3, rms_attrs, infer_sum, nullptr, kFused});
}

}  // namespace lmspt
