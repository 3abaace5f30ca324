// linear(x, w, bias): y = x w^T + bias, x (..., I), w (O, I), bias (O), y (..., O)
// matmul(a, b): a (..., M, K) or, with transpose_a, (..., K, M); b (..., K, N) or, with transpose_b, (..., N, K).
//   b may have fewer leading dimensions than a; it is then shared by all of them.
#include "gemm/bf16_panels.h"
#include "graph/graph.h"
#include "graph/registry.h"
#include "ops/linear/fused_linear.h"
#include "ops/precision.h"
#include "ops/reduce/reduce.h"

namespace lmspt {

namespace {

// ---- linear ----

void infer_linear(InferContext& context) {
  context.expect_dtype(0, "x", DType::f32);
  context.expect_rank(1, "w", 2);
  const Shape &x = context.shape(0), &w = context.shape(1);
  context.expect(x.rank >= 1 && x[-1] == w[1],
                 "expected x with " + std::to_string(w[1]) + " features, got " + to_string(x));
  expect_precision(context);
  if (context.has(2)) context.expect_shape(2, "bias", make_shape({w[0]}));
  Shape y = x;
  y[-1] = w[0];
  context.output(y);
}

ValueId as_matrix(const GradContext& context, ValueId value) {
  const Shape& shape = context.graph.value(value).shape;
  return context.call("reshape", {value}, {{"shape", make_shape({shape.count_before(shape.rank - 1), shape[-1]})}});
}

void gradient_linear(GradContext& context) {
  const ValueId gy = context.output_grads[0];
  const AttrArg precision{"precision", context.node.attrs.i("precision")};
  if (context.needs(0)) context.input_grads[0] = context.call("matmul", {gy, context.in(1)}, {precision});
  if (context.needs(1)) {
    context.input_grads[1] = context.call("matmul", {as_matrix(context, gy), as_matrix(context, context.in(0))},
                                          {{"transpose_a", true}, precision});
  }
  if (context.needs(2)) {
    context.input_grads[2] = context.call("sum", {as_matrix(context, gy)}, {{"first", 0}, {"last", 0}});
  }
}

// ---- matmul ----

struct MatmulShape {
  int64_t m, k, n;
};

MatmulShape matmul_shape(const Shape& a, const Shape& b, const Attrs& attrs) {
  const bool ta = attrs.b("transpose_a"), tb = attrs.b("transpose_b");
  return {ta ? a[-1] : a[-2], ta ? a[-2] : a[-1], tb ? b[-2] : b[-1]};
}

void infer_matmul(InferContext& context) {
  context.expect_dtype(0, "a", DType::f32);
  context.expect_dtype(1, "b", DType::f32);
  const Shape &a = context.shape(0), &b = context.shape(1);
  context.expect(b.rank >= 2 && a.rank >= b.rank,
                 "expected matrices with a of at least the rank of b, got " + to_string(a) + " and " + to_string(b));
  const MatmulShape size = matmul_shape(a, b, context.attrs);
  const int64_t bk = context.attrs.b("transpose_b") ? b[-1] : b[-2];
  context.expect(size.k == bk, "expected " + std::to_string(size.k) + " rows in b, got " + std::to_string(bk));
  expect_precision(context);
  context.expect(b.rank == 2 || b.rank == a.rank, "expected b to be a matrix or to have the rank of a");
  for (int i = 0; b.rank > 2 && i < a.rank - 2; ++i) {
    context.expect(a[i] == b[i], "expected one batch shape, got " + to_string(a) + " and " + to_string(b));
  }
  Shape y = a;
  y[-2] = size.m;
  y[-1] = size.n;
  context.output(y);
}

ValueId matmul(const GradContext& context, ValueId a, ValueId b, bool transpose_a, bool transpose_b) {
  return context.call(
      "matmul", {a, b},
      {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}, {"precision", context.node.attrs.i("precision")}});
}

void gradient_matmul(GradContext& context) {
  const ValueId gy = context.output_grads[0], a = context.in(0), b = context.in(1);
  const bool ta = context.node.attrs.b("transpose_a"), tb = context.node.attrs.b("transpose_b");
  const Shape &a_shape = context.in_shape(0), &b_shape = context.in_shape(1);
  if (context.needs(0)) {
    if (ta && a_shape.rank != b_shape.rank) {
      throw Error(ErrorCode::unsupported, "[matmul] has no gradient for a batch of transposed a with one shared b");
    }
    context.input_grads[0] = ta ? matmul(context, b, gy, tb, true) : matmul(context, gy, b, false, !tb);
  }
  if (context.needs(1)) {
    if (b_shape.rank == a_shape.rank) {
      context.input_grads[1] = tb ? matmul(context, gy, a, true, ta) : matmul(context, a, gy, !ta, false);
    } else if (!ta) {
      const ValueId flat_a = as_matrix(context, a), flat_gy = as_matrix(context, gy);
      context.input_grads[1] =
          tb ? matmul(context, flat_gy, flat_a, true, false) : matmul(context, flat_a, flat_gy, true, false);
    } else {
      throw Error(ErrorCode::unsupported, "[matmul] has no gradient for a batch of transposed a with one shared b");
    }
  }
}

// ---- packing: matrices (..., K, N) or (..., N, K) -> (batch, panels, K, 16); for bf16 as gemm/bf16_panels.h says,
// with the panels of all matrices one after the other ----

void infer_pack(InferContext& context) {
  const Shape& w = context.shape(0);
  context.expect(w.rank >= 2, "expected a matrix, got " + to_string(w));
  const bool transposed = context.attrs.b("transposed");
  const int64_t k = transposed ? w[-1] : w[-2], n = transposed ? w[-2] : w[-1];
  if (is_bf16(precision_of(context.attrs))) {
    Tensor packed = bf16_panels(precision_of(context.attrs), 1, k, n);
    packed.shape[1] *= w.count_before(w.rank - 2);
    context.outputs.push_back(packed);
    return;
  }
  context.output(make_shape({w.count_before(w.rank - 2), panel_count(n), k, kPanelWidth}));
}

}  // namespace

void register_linear(Registry& registry) {
  OpDef linear{"linear", 2, 3, {precision_attr()}, infer_linear, gradient_linear};
  linear.packing = {{1, "pack_matrix", [](const Attrs& attrs, const std::vector<Tensor>&) {
                       return AttrArgs{{"transposed", true}, packed_precision(attrs)};
                     }}};
  registry.add(linear);
  register_fused_linear(registry);
  OpDef matmul{"matmul",
               2,
               2,
               {AttrSpec::integer("transpose_a", 0), AttrSpec::integer("transpose_b", 0), precision_attr()},
               infer_matmul,
               gradient_matmul};
  matmul.packing = {{1, "pack_matrix", [](const Attrs& attrs, const std::vector<Tensor>&) {
                       return AttrArgs{{"transposed", attrs.b("transpose_b")}, packed_precision(attrs)};
                     }}};
  registry.add(matmul);
  registry.add({"pack_matrix",
                1,
                1,
                {AttrSpec::integer("transposed", 0), precision_attr()},
                infer_pack,
                nullptr,
                "a layout of weights"});
}

}  // namespace lmspt
