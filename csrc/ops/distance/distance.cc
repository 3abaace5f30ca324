// l1_distance(a, b): the mean of |a - b|, a scalar; equals mean(abs(sub(a, b))) over all dimensions.
#include "graph/graph.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

void expect_pair(const InferContext& context) {
  context.expect_dtype(0, "a", DType::f32);
  context.expect_dtype(1, "b", DType::f32);
  context.expect_shape(1, "b", context.shape(0));
}

void infer_l1_distance(InferContext& context) {
  expect_pair(context);
  context.output(Shape{});
}

void gradient_l1_distance(GradContext& context) {
  for (int side = 0; side < 2; ++side) {  // the distance is the same both ways
    if (!context.needs(side)) continue;
    context.input_grads[side] =
        context.call("l1_distance_grad", {context.in(side), context.in(1 - side), context.output_grads[0]});
  }
}

void infer_l1_distance_grad(InferContext& context) {
  expect_pair(context);
  context.expect_shape(2, "gy", Shape{});
  context.output(context.shape(0));
}

}  // namespace

void register_distance(Registry& registry) {
  registry.add({"l1_distance", 2, 2, {}, infer_l1_distance, gradient_l1_distance});
  registry.add({"l1_distance_grad", 3, 3, {}, infer_l1_distance_grad, nullptr, "itself a gradient"});
}

}  // namespace lmspt
