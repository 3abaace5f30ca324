// snake(x, alpha): y = x + sin^2(alpha x) / (alpha + 1e-9), x (..., C), alpha (C). Ziyin et al. 2020, as in BigVGAN.
#include "graph/graph.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

void expect_alpha(InferContext& context) {
  context.expect_dtype(0, "x", DType::f32);
  context.expect(context.shape(0).rank >= 1, "expected x with a channel dimension");
  context.expect_shape(1, "alpha", make_shape({context.shape(0)[-1]}));
}

void infer_snake(InferContext& context) {
  expect_alpha(context);
  context.output(context.shape(0));
}

void infer_snake_grad(InferContext& context) {
  expect_alpha(context);
  context.expect_shape(2, "gy", context.shape(0));
  context.output(context.shape(0));
  context.output(context.shape(1));
}

void gradient_snake(GradContext& context) {
  const std::vector<ValueId> grads =
      context.graph.apply("snake_grad", {context.in(0), context.in(1), context.output_grads[0]});
  context.input_grads = grads;
}

}  // namespace

void register_snake(Registry& registry) {
  registry.add({"snake", 2, 2, {}, infer_snake, gradient_snake});
  registry.add({"snake_grad", 3, 3, {}, infer_snake_grad, nullptr, "itself a gradient"});
}

}  // namespace lmspt
