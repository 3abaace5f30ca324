#include "ops/reduce/reduce.h"

#include "graph/registry.h"

namespace lmspt {

namespace {

void infer_reduce(InferContext& context) {
  context.expect_dtype(0, "x", DType::f32);
  const Shape& x = context.shape(0);
  const int64_t first = context.attrs.i("first"), last = context.attrs.i("last");
  context.expect(0 <= first && first <= last && last < x.rank,
                 "expected dimensions 0 <= first <= last < " + std::to_string(x.rank) + ", got " +
                     std::to_string(first) + " and " + std::to_string(last));
  Shape out;
  for (int i = 0; i < x.rank; ++i) {
    const bool reduced = i >= first && i <= last;
    if (reduced && !context.attrs.b("keep")) continue;
    out.dims[out.rank++] = reduced ? 1 : x[i];
  }
  context.output(out);
}

// `value`, of the reduced shape, with the reduced dimensions back as 1.
ValueId with_kept_dims(const GradContext& context, ValueId value) {
  Shape shape = context.in_shape(0);
  for (int64_t i = context.node.attrs.i("first"); i <= context.node.attrs.i("last"); ++i) shape.dims[i] = 1;
  return context.call("reshape", {value}, {{"shape", shape}});
}

ValueId spread(const GradContext& context, ValueId value) {
  return context.call("broadcast_to", {with_kept_dims(context, value)}, {{"shape", context.in_shape(0)}});
}

void sum_gradient(GradContext& context) { context.input_grads[0] = spread(context, context.output_grads[0]); }

void mean_gradient(GradContext& context) {
  int64_t count = 1;
  for (int64_t i = context.node.attrs.i("first"); i <= context.node.attrs.i("last"); ++i) {
    count *= context.in_shape(0).dims[i];
  }
  const ValueId scaled =
      context.call("affine", {context.output_grads[0]}, {{"a", 1.0 / static_cast<double>(count)}, {"b", 0.0}});
  context.input_grads[0] = spread(context, scaled);
}

// Shared evenly among equal maxima.
void max_gradient(GradContext& context) {
  const Attrs& attrs = context.node.attrs;
  const ValueId is_max = context.call("greater_equal", {context.in(0), with_kept_dims(context, context.out(0))});
  const ValueId count =
      context.call("sum", {is_max}, {{"first", attrs.i("first")}, {"last", attrs.i("last")}, {"keep", true}});
  const ValueId share = context.call("div", {with_kept_dims(context, context.output_grads[0]), count});
  context.input_grads[0] = context.call("mul", {is_max, share});
}

}  // namespace

ValueId sum_to_shape(Graph& graph, ValueId value, const Shape& shape) {
  const Shape from = graph.value(value).shape;
  if (from == shape) return value;
  const int missing = from.rank - shape.rank;
  for (int end = from.rank; end > 0;) {
    const auto reduced = [&](int i) { return i < missing || (shape.dims[i - missing] == 1 && from.dims[i] != 1); };
    if (!reduced(end - 1)) {
      --end;
      continue;
    }
    int first = end - 1;
    while (first > 0 && reduced(first - 1)) --first;
    value = graph.apply("sum", {value}, {{"first", first}, {"last", end - 1}, {"keep", true}})[0];
    end = first;
  }
  return graph.value(value).shape == shape ? value : graph.apply("reshape", {value}, {{"shape", shape}})[0];
}

void register_reduce(Registry& registry) {
  const std::vector<AttrSpec> attrs = {AttrSpec::required_integer("first"), AttrSpec::required_integer("last"),
                                       AttrSpec::integer("keep", 0)};
  registry.add({"sum", 1, 1, attrs, infer_reduce, sum_gradient});
  registry.add({"mean", 1, 1, attrs, infer_reduce, mean_gradient});
  registry.add({"max", 1, 1, attrs, infer_reduce, max_gradient});
}

}  // namespace lmspt
