// Normalisations over the last dimension C; x (..., C), w (C), bias (C).
// layer_norm(x, w, bias): y = (x - mean) / sqrt(variance + epsilon) * w + bias
// rms_norm(x, w): y = x / sqrt(mean of squares + epsilon) * w
// softmax(x): y = exp(x) / sum of exp(x)
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

void expect_scaled_rows(InferContext& context) {
  expect_rows(context, 0, "x");
  expect_parameter(context, 1, "w");
  const double epsilon = context.attrs.f("epsilon");
  context.expect(epsilon >= 0, "expected epsilon of at least 0, got " + std::to_string(epsilon));
}

void expect_gradient(InferContext& context, int input) {
  context.expect_dtype(input, "gy", DType::f32);
  context.expect_shape(input, "gy", context.shape(0));
}

AttrArgs epsilon_of(const GradContext& context) { return {{"epsilon", context.node.attrs.f("epsilon")}}; }

// ---- layer_norm ----

void infer_layer_norm(InferContext& context) {
  expect_scaled_rows(context);
  expect_parameter(context, 2, "bias");
  context.output(context.shape(0));
}

void gradient_layer_norm(GradContext& context) {
  context.input_grads = context.graph.apply("layer_norm_grad", {context.in(0), context.in(1), context.output_grads[0]},
                                            epsilon_of(context));
}

void infer_layer_norm_grad(InferContext& context) {
  expect_scaled_rows(context);
  expect_gradient(context, 2);
  context.output(context.shape(0));
  context.output(context.shape(1));
  context.output(context.shape(1));
}

// ---- rms_norm ----

void infer_rms_norm(InferContext& context) {
  expect_scaled_rows(context);
  context.output(context.shape(0));
}

void gradient_rms_norm(GradContext& context) {
  context.input_grads = context.graph.apply("rms_norm_grad", {context.in(0), context.in(1), context.output_grads[0]},
                                            epsilon_of(context));
}

void infer_rms_norm_grad(InferContext& context) {
  expect_scaled_rows(context);
  expect_gradient(context, 2);
  context.output(context.shape(0));
  context.output(context.shape(1));
}

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

}  // namespace

void register_norms(Registry& registry) {
  const std::vector<AttrSpec> layer_attrs = {AttrSpec::real("epsilon", 1e-5)};
  const std::vector<AttrSpec> rms_attrs = {AttrSpec::real("epsilon", 1e-6)};
  registry.add({"layer_norm", 3, 3, layer_attrs, infer_layer_norm, gradient_layer_norm});
  registry.add({"layer_norm_grad", 3, 3, layer_attrs, infer_layer_norm_grad, nullptr, "itself a gradient"});
  registry.add({"rms_norm", 2, 2, rms_attrs, infer_rms_norm, gradient_rms_norm});
  registry.add({"rms_norm_grad", 3, 3, rms_attrs, infer_rms_norm_grad, nullptr, "itself a gradient"});
  registry.add({"softmax", 1, 1, {}, infer_softmax, gradient_softmax});
  registry.add({"softmax_grad", 2, 2, {}, infer_softmax_grad, nullptr, "itself a gradient"});
}

}  // namespace lmspt
