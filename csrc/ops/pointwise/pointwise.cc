#include <algorithm>

#include "graph/graph.h"
#include "graph/registry.h"
#include "ops/reduce/reduce.h"

namespace lmspt {

namespace {

void infer_unary(InferContext& context) {
  context.expect_dtype(0, "x", DType::f32);
  context.output(context.shape(0));
}

void infer_binary(InferContext& context) {
  context.expect_dtype(0, "x", DType::f32);
  context.expect_dtype(1, "y", DType::f32);
  const Shape &x = context.shape(0), &y = context.shape(1);
  Shape out;
  out.rank = std::max(x.rank, y.rank);
  for (int i = 1; i <= out.rank; ++i) {
    const int64_t a = i <= x.rank ? x[-i] : 1, b = i <= y.rank ? y[-i] : 1;
    context.expect(a == b || a == 1 || b == 1,
                   "expected shapes that broadcast, got " + to_string(x) + " and " + to_string(y));
    out[-i] = a == 1 ? b : a;
  }
  context.output(out);
}

// ---- gradients ----

// Hands `gradient`, of the output's shape, to input i, summed over the dimensions in which the input was repeated.
void give(GradContext& context, int i, ValueId gradient) {
  context.input_grads[i] = sum_to_shape(context.graph, gradient, context.in_shape(i));
}

ValueId gy(const GradContext& context) { return context.output_grads[0]; }
ValueId mul(const GradContext& context, ValueId a, ValueId b) { return context.call("mul", {a, b}); }
ValueId affine(const GradContext& context, ValueId x, double scale, double shift) {
  return context.call("affine", {x}, {{"a", scale}, {"b", shift}});
}

void zero_gradient(GradContext&) {}
void neg_gradient(GradContext& c) { give(c, 0, c.call("neg", {gy(c)})); }
void abs_gradient(GradContext& c) { give(c, 0, mul(c, gy(c), c.call("sign", {c.in(0)}))); }
void square_gradient(GradContext& c) { give(c, 0, mul(c, gy(c), affine(c, c.in(0), 2, 0))); }
void sqrt_gradient(GradContext& c) { give(c, 0, c.call("div", {affine(c, gy(c), 0.5, 0), c.out(0)})); }
void exp_gradient(GradContext& c) { give(c, 0, mul(c, gy(c), c.out(0))); }
void log_gradient(GradContext& c) { give(c, 0, c.call("div", {gy(c), c.in(0)})); }
void tanh_gradient(GradContext& c) { give(c, 0, mul(c, gy(c), affine(c, c.call("square", {c.out(0)}), -1, 1))); }
void sigmoid_gradient(GradContext& c) { give(c, 0, mul(c, gy(c), mul(c, c.out(0), affine(c, c.out(0), -1, 1)))); }
void affine_gradient(GradContext& c) { give(c, 0, affine(c, gy(c), c.node.attrs.f("a"), 0)); }

void grad_op(GradContext& c, const char* op) {
  give(c, 0, c.call(op, {c.in(0), gy(c)}, {{"a", c.node.attrs.f("a")}, {"b", c.node.attrs.f("b")}}));
}
void silu_gradient(GradContext& c) { grad_op(c, "silu_grad"); }
void gelu_gradient(GradContext& c) { grad_op(c, "gelu_grad"); }
// The result has the signs of x where the slope is above 0: then x need not be kept.
void leaky_relu_gradient(GradContext& c) {
  const double slope = c.node.attrs.f("a");
  give(c, 0, c.call("leaky_relu_grad", {slope > 0 ? c.out(0) : c.in(0), gy(c)}, {{"a", slope}}));
}
void clamp_gradient(GradContext& c) { grad_op(c, "clamp_grad"); }

void add_gradient(GradContext& c) {
  if (c.needs(0)) give(c, 0, gy(c));
  if (c.needs(1)) give(c, 1, gy(c));
}
void sub_gradient(GradContext& c) {
  if (c.needs(0)) give(c, 0, gy(c));
  if (c.needs(1)) give(c, 1, c.call("neg", {gy(c)}));
}
void mul_gradient(GradContext& c) {
  if (c.needs(0)) give(c, 0, mul(c, gy(c), c.in(1)));
  if (c.needs(1)) give(c, 1, mul(c, gy(c), c.in(0)));
}
void div_gradient(GradContext& c) {
  if (c.needs(0)) give(c, 0, c.call("div", {gy(c), c.in(1)}));
  if (c.needs(1)) give(c, 1, c.call("neg", {c.call("div", {mul(c, gy(c), c.out(0)), c.in(1)})}));
}
// Where both sides are equal, the gradient goes to the first.
void choose_gradient(GradContext& c, ValueId first_wins) {
  if (c.needs(0)) give(c, 0, mul(c, gy(c), first_wins));
  if (c.needs(1)) give(c, 1, mul(c, gy(c), affine(c, first_wins, -1, 1)));
}
void maximum_gradient(GradContext& c) { choose_gradient(c, c.call("greater_equal", {c.in(0), c.in(1)})); }
void minimum_gradient(GradContext& c) { choose_gradient(c, c.call("greater_equal", {c.in(1), c.in(0)})); }

OpDef define(const char* name, int inputs, void (*gradient)(GradContext&)) {
  OpDef op{name, inputs, inputs, {AttrSpec::real("a", 0), AttrSpec::real("b", 0)}};
  op.infer = inputs == 1 ? infer_unary : infer_binary;
  op.overwrites = [](int) { return 0; };
  if (gradient) {
    op.gradient = gradient;
  } else {
    op.no_gradient = "itself a gradient";
  }
  return op;
}

}  // namespace

void register_pointwise(Registry& registry) {
#define LMSPT_UNARY(name, gradient) registry.add(define(#name, 1, gradient));
#define LMSPT_BINARY(name, gradient) registry.add(define(#name, 2, gradient));
#include "ops/pointwise/pointwise.def"
#undef LMSPT_UNARY
#undef LMSPT_BINARY
}

}  // namespace lmspt
