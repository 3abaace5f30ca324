// cross_entropy(logits, targets): the mean over rows of -log softmax(logits)[target]; logits (N, V), targets (N) of
// type i32. Rows whose target is ignore_index do not count; with none that counts the loss is 0. Any other target
// outside [0, V) makes the loss NaN, and with it the gradient of its row.
#include "graph/graph.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

void expect_rows(InferContext& context) {
  context.expect_dtype(0, "logits", DType::f32);
  context.expect_dtype(1, "targets", DType::i32);
  context.expect_rank(0, "logits", 2);
  const Shape& logits = context.shape(0);
  context.expect(logits[1] >= 1, "expected logits of at least one class, got " + to_string(logits));
  context.expect_shape(1, "targets", make_shape({logits[0]}));
}

void infer_cross_entropy(InferContext& context) {
  expect_rows(context);
  context.output(Shape{});
}

void gradient_cross_entropy(GradContext& context) {
  context.input_grads[0] = context.call("cross_entropy_grad", {context.in(0), context.in(1), context.output_grads[0]},
                                        {{"ignore_index", context.node.attrs.i("ignore_index")}});
}

void infer_cross_entropy_grad(InferContext& context) {
  expect_rows(context);
  context.expect_dtype(2, "gy", DType::f32);
  context.expect_shape(2, "gy", Shape{});
  context.output(context.shape(0));
}

}  // namespace

void register_cross_entropy(Registry& registry) {
  const std::vector<AttrSpec> attrs = {AttrSpec::integer("ignore_index", -100)};
  OpDef loss{"cross_entropy", 2, 2, attrs, infer_cross_entropy, gradient_cross_entropy};
  OpDef gradient{"cross_entropy_grad", 3, 3, attrs, infer_cross_entropy_grad, nullptr, "itself a gradient"};
  loss.integer_inputs = gradient.integer_inputs = {1};  // the targets
  registry.add(loss);
  registry.add(gradient);
}

}  // namespace lmspt
