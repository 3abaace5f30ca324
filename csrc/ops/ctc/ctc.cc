// ctc_loss(logits, targets): the connectionist temporal classification loss (Graves et al. 2006). logits (B, T, V),
// targets (B, L) of type i32, each row its labels and then negative numbers. The mean over the items of -log p /
// labels, p being the probability of all ways to spread the labels over T frames: a label may be repeated, `blank` may
// stand anywhere, and has to stand between equal labels. An item whose labels do not fit into T frames adds 0 and has
// no gradient; a label that is blank or no class makes the loss NaN, and with it the gradient of its item.
#include "graph/graph.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

void expect_items(InferContext& context) {
  context.expect_dtype(0, "logits", DType::f32);
  context.expect_dtype(1, "targets", DType::i32);
  context.expect_rank(0, "logits", 3);
  context.expect_rank(1, "targets", 2);
  const Shape& logits = context.shape(0);
  context.expect_shape(1, "targets", make_shape({logits[0], context.shape(1)[1]}));
  const int64_t blank = context.attrs.i("blank");
  context.expect(blank >= 0 && blank < logits[2], "expected a blank among the classes of logits " + to_string(logits) +
                                                      ", got " + std::to_string(blank));
}

void infer_ctc_loss(InferContext& context) {
  expect_items(context);
  context.output(Shape{});
}

void gradient_ctc_loss(GradContext& context) {
  context.input_grads[0] = context.call("ctc_loss_grad", {context.in(0), context.in(1), context.output_grads[0]},
                                        {{"blank", context.node.attrs.i("blank")}});
}

void infer_ctc_loss_grad(InferContext& context) {
  expect_items(context);
  context.expect_dtype(2, "gy", DType::f32);
  context.expect_shape(2, "gy", Shape{});
  context.output(context.shape(0));
}

}  // namespace

void register_ctc(Registry& registry) {
  const std::vector<AttrSpec> attrs = {AttrSpec::integer("blank", 0)};
  OpDef loss{"ctc_loss", 2, 2, attrs, infer_ctc_loss, gradient_ctc_loss};
  OpDef gradient{"ctc_loss_grad", 3, 3, attrs, infer_ctc_loss_grad, nullptr, "itself a gradient"};
  loss.integer_inputs = gradient.integer_inputs = {1};  // the targets
  registry.add(loss);
  registry.add(gradient);
}

}  // namespace lmspt
