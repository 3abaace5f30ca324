#include "ops/rotary/rotary.h"

#include "graph/graph.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

void infer_rotary(InferContext& context) {
  context.expect_dtype(0, "x", DType::f32);
  context.expect_rank(0, "x", 4);
  const Shape& x = context.shape(0);
  context.expect(x[3] % 2 == 0, "expected x (B, T, heads, size) with an even size, got " + to_string(x));
  if (context.has(1)) {
    context.expect_dtype(1, "positions", DType::i32);
    const Shape &positions = context.shape(1), of_all = make_shape({x[1]}), of_each = make_shape({x[0], x[1]});
    context.expect(positions == of_all || positions == of_each, "expected positions of shape " + to_string(of_all) +
                                                                    " or " + to_string(of_each) + ", got " +
                                                                    to_string(positions));
  }
  const double base = context.attrs.f("base");
  context.expect(base > 0, "expected base above 0, got " + std::to_string(base));
  context.output(x);
}

void gradient_rotary(GradContext& context) {
  const Attrs& attrs = context.node.attrs;
  context.input_grads[0] = context.call(
      "rotary", {context.output_grads[0], context.in(1)},
      {{"base", attrs.f("base")}, {"interleaved", attrs.i("interleaved")}, {"inverse", !attrs.b("inverse")}});
}

}  // namespace

void register_rotary(Registry& registry) {
  OpDef rotary{"rotary",
               1,
               2,
               {AttrSpec::real("base", 10000), AttrSpec::integer("interleaved", 0), AttrSpec::integer("inverse", 0)},
               infer_rotary,
               gradient_rotary};
  rotary.integer_inputs = {1};  // the positions
  registry.add(rotary);
}

}  // namespace lmspt
