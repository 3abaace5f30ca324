// weight_norm(v, g): w = g v / ||v||, the norm taken over all dimensions but the first; v (N, ...), g (N, 1, ...) or
// (N). Salimans and Kingma 2016.
#include "graph/graph.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

void expect_weights(InferContext& context) {
  const Shape &v = context.shape(0), &g = context.shape(1);
  context.expect(v.rank >= 2, "expected v of at least two dimensions, got " + to_string(v));
  context.expect(g.rank >= 1 && g[0] == v[0] && g.count() == v[0],
                 "expected g with " + std::to_string(v[0]) + " values along its first dimension, got " + to_string(g));
}

void infer_weight_norm(InferContext& context) {
  expect_weights(context);
  context.output(context.shape(0));
}

void infer_weight_norm_grad(InferContext& context) {
  expect_weights(context);
  context.expect_shape(2, "gy", context.shape(0));
  context.output(context.shape(0));
  context.output(context.shape(1));
}

void gradient_weight_norm(GradContext& context) {
  context.input_grads =
      context.graph.apply("weight_norm_grad", {context.in(0), context.in(1), context.output_grads[0]});
}

}  // namespace

void register_weight_norm(Registry& registry) {
  registry.add({"weight_norm", 2, 2, {}, infer_weight_norm, gradient_weight_norm});
  registry.add({"weight_norm_grad", 3, 3, {}, infer_weight_norm_grad, nullptr, "itself a gradient"});
}

}  // namespace lmspt
