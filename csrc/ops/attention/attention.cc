#include "ops/attention/attention.h"

#include "graph/graph.h"
#include "graph/registry.h"
#include "ops/precision.h"

namespace lmspt {

namespace {

void expect_heads(InferContext& context) {
  const char* names[] = {"q", "k", "v"};
  for (int i = 0; i < 3; ++i) {
    context.expect_dtype(i, names[i], DType::f32);
    context.expect_rank(i, names[i], 4);
  }
  const Shape &q = context.shape(0), &k = context.shape(1);
  context.expect(q[2] >= 1 && q[3] >= 1,
                 "expected q (B, T, heads, size) with heads and size of at least 1, got " + to_string(q));
  context.expect(k[0] == q[0] && k[3] == q[3], "expected k with batch " + std::to_string(q[0]) + " and size " +
                                                   std::to_string(q[3]) + ", those of q, got " + to_string(k));
  context.expect(k[2] >= 1 && q[2] % k[2] == 0, "expected k with a number of heads that divides the " +
                                                    std::to_string(q[2]) + " of q, got " + std::to_string(k[2]));
  context.expect_shape(2, "v", k);
  const int64_t least = context.attrs.b("causal") && q[1] > 1 ? q[1] : 1;
  expect_precision(context);
  context.expect(k[1] >= least, "expected at least " + std::to_string(least) + " keys, got " + std::to_string(k[1]));
}

void infer_attention(InferContext& context) {
  expect_heads(context);
  context.output(context.shape(0));
}

void gradient_attention(GradContext& context) {
  const Attrs& attrs = context.node.attrs;
  context.input_grads = context.graph.apply(
      "attention_grad", {context.in(0), context.in(1), context.in(2), context.out(0), context.output_grads[0]},
      {{"causal", attrs.i("causal")}, {"scale", attrs.f("scale")}, {"precision", attrs.i("precision")}});
}

void infer_attention_grad(InferContext& context) {
  expect_heads(context);
  const char* names[] = {"y", "gy"};
  for (int i = 3; i < 5; ++i) {
    context.expect_dtype(i, names[i - 3], DType::f32);
    context.expect_shape(i, names[i - 3], context.shape(0));
  }
  for (int i = 0; i < 3; ++i) context.output(context.shape(i));
}

}  // namespace

void register_attention(Registry& registry) {
  const std::vector<AttrSpec> attrs = {AttrSpec::integer("causal", 0), AttrSpec::real("scale", 0), precision_attr()};
  registry.add({"attention", 3, 3, attrs, infer_attention, gradient_attention});
  registry.add({"attention_grad", 5, 5, attrs, infer_attention_grad, nullptr, "itself a gradient"});
}

}  // namespace lmspt
