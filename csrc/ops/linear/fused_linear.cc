// fused_linear(x, w, bias, gelu_input, residual): with u = x w^T + bias, or x w + bias where w is `transposed` (I, O),
//   y = u, or gelu(u) with `gelu`; where gelu_input (as y) is given, gelu_grad(gelu_input, that); residual (as y) is
//   added last. With `gelu` = 2, u is a second output.
// It equals the ops of these names bit for bit, and so do products of x (..., M, K) and a shared matrix. Plans for CUDA
// make it of linear and matmul (graph/fuse_layers.h).
#include "ops/linear/fused_linear.h"

#include "graph/registry.h"
#include "ops/precision.h"

namespace lmspt {

namespace {

void infer_fused_linear(InferContext& context) {
  context.expect_dtype(0, "x", DType::f32);
  context.expect_dtype(1, "w", DType::f32);
  context.expect_rank(1, "w", 2);
  context.expect_attr("gelu", 0, 2);
  expect_precision(context);
  const bool transposed = context.attrs.b("transposed");
  const Shape &x = context.shape(0), &w = context.shape(1);
  const int64_t features = w[transposed ? 0 : 1];
  context.expect(x.rank >= 1 && x[-1] == features,
                 "expected x with " + std::to_string(features) + " features, got " + to_string(x));
  Shape y = x;
  y[-1] = w[transposed ? 1 : 0];
  if (context.has(2)) context.expect_shape(2, "bias", make_shape({y[-1]}));
  if (context.has(3)) context.expect_shape(3, "gelu_input", y);
  if (context.has(4)) context.expect_shape(4, "residual", y);
  context.output(y);
  if (context.attrs.i("gelu") == 2) context.output(y);
}

}  // namespace

void register_fused_linear(Registry& registry) {
  OpDef fused{"fused_linear",
              2,
              5,
              {AttrSpec::integer("transposed", 0), AttrSpec::integer("gelu", 0), precision_attr()},
              infer_fused_linear,
              nullptr,
              "fused: record its product, GELU and sum as ops of their own"};
  fused.packing = {{1, "pack_matrix", [](const Attrs& attrs, const std::vector<Tensor>&) {
                      return AttrArgs{{"transposed", !attrs.b("transposed")}, packed_precision(attrs)};
                    }}};
  registry.add(fused);
}

}  // namespace lmspt
