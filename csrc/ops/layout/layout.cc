// Ops that move elements without changing them: reshape, transpose, slice, concat, pad, broadcast_to, stop_gradient;
// and to_integer, which rounds to the nearest integer (type i32; NaN and what does not fit give 0).
// pad_reflect_grad is the gradient of pad where it mirrors: every mirrored element goes back to where it came from.
#include <algorithm>

#include "graph/graph.h"
#include "graph/registry.h"
#include "ops/reduce/reduce.h"

namespace lmspt {

namespace {

constexpr int kMaxConcat = 64;

Shape shape_attr(const InferContext& context) {
  const AttrValue& value = context.attrs.at("shape");
  context.expect(value.length <= kMaxRank, "expected a shape of at most 6 dimensions");
  Shape shape;
  for (int i = 0; i < value.length; ++i) shape.dims[shape.rank++] = value.list[i];
  return shape;
}

void expect_axis(InferContext& context, int rank) {
  const int64_t axis = context.attrs.i("axis");
  context.expect(axis >= 0 && axis < rank,
                 "expected an axis from 0 to " + std::to_string(rank - 1) + ", got " + std::to_string(axis));
}

// ---- reshape, stop_gradient ----

void infer_reshape(InferContext& context) {
  const Shape shape = shape_attr(context);
  context.expect(
      is_countable(shape) && shape.count() == context.shape(0).count(),
      "expected a shape of " + std::to_string(context.shape(0).count()) + " elements, got " + to_string(shape));
  context.output(shape, context.inputs[0].dtype);
}

void gradient_reshape(GradContext& context) {
  context.input_grads[0] = context.call("reshape", {context.output_grads[0]}, {{"shape", context.in_shape(0)}});
}

void infer_same(InferContext& context) { context.output(context.shape(0), context.inputs[0].dtype); }
void gradient_none(GradContext&) {}

// ---- to_integer ----

void infer_to_integer(InferContext& context) {
  context.expect_dtype(0, "x", DType::f32);
  context.output(context.shape(0), DType::i32);
}

// ---- transpose ----

void infer_transpose(InferContext& context) {
  const AttrValue& order = context.attrs.at("order");
  const Shape& x = context.shape(0);
  Shape out;
  bool seen[kMaxRank] = {};
  bool valid = order.length == x.rank;
  for (int i = 0; valid && i < x.rank; ++i) {
    const int64_t axis = order.list[i];
    valid = axis >= 0 && axis < x.rank && !seen[axis];
    if (!valid) break;
    seen[axis] = true;
    out.dims[out.rank++] = x.dims[axis];
  }
  context.expect(valid, "expected order to be a permutation of the " + std::to_string(x.rank) + " dimensions");
  context.output(out, context.inputs[0].dtype);
}

void gradient_transpose(GradContext& context) {
  const AttrValue& order = context.node.attrs.at("order");
  std::vector<int64_t> inverse(order.length);
  for (int i = 0; i < order.length; ++i) inverse[order.list[i]] = i;
  context.input_grads[0] = context.call("transpose", {context.output_grads[0]}, {{"order", inverse}});
}

// ---- slice ----

void infer_slice(InferContext& context) {
  const Shape& x = context.shape(0);
  expect_axis(context, x.rank);
  const int64_t axis = context.attrs.i("axis"), start = context.attrs.i("start"), length = context.attrs.i("length");
  context.expect(start >= 0 && length >= 0 && start + length <= x.dims[axis],
                 "expected a range inside [0, " + std::to_string(x.dims[axis]) + "), got " + std::to_string(length) +
                     " from " + std::to_string(start));
  Shape out = x;
  out.dims[axis] = length;
  context.output(out, context.inputs[0].dtype);
}

void gradient_slice(GradContext& context) {
  const Attrs& attrs = context.node.attrs;
  const int64_t after = context.in_shape(0).dims[attrs.i("axis")] - attrs.i("start") - attrs.i("length");
  context.input_grads[0] =
      context.call("pad", {context.output_grads[0]},
                   {{"axis", attrs.i("axis")}, {"before", attrs.i("start")}, {"after", after}, {"reflect", 0}});
}

// ---- concat ----

void infer_concat(InferContext& context) {
  Shape out = context.shape(0);
  expect_axis(context, out.rank);
  const int64_t axis = context.attrs.i("axis");
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    Shape other = context.shape(static_cast<int>(i));
    context.expect(other.rank == out.rank && context.inputs[i].dtype == context.inputs[0].dtype,
                   "expected inputs of one rank and type");
    const int64_t length = other.dims[axis];
    other.dims[axis] = out.dims[axis];
    context.expect(other == out, "expected inputs that differ along axis " + std::to_string(axis) + " only, got " +
                                     to_string(context.shape(0)) + " and " +
                                     to_string(context.shape(static_cast<int>(i))));
    out.dims[axis] += length;
  }
  context.output(out, context.inputs[0].dtype);
}

void gradient_concat(GradContext& context) {
  const int64_t axis = context.node.attrs.i("axis");
  int64_t start = 0;
  for (size_t i = 0; i < context.node.inputs.size(); ++i) {
    const int64_t length = context.in_shape(static_cast<int>(i)).dims[axis];
    if (context.needs(static_cast<int>(i))) {
      context.input_grads[i] =
          context.call("slice", {context.output_grads[0]}, {{"axis", axis}, {"start", start}, {"length", length}});
    }
    start += length;
  }
}

// ---- pad ----

void infer_pad(InferContext& context) {
  const Shape& x = context.shape(0);
  expect_axis(context, x.rank);
  const int64_t axis = context.attrs.i("axis"), before = context.attrs.i("before"), after = context.attrs.i("after");
  context.expect(before >= 0 && after >= 0, "expected padding of at least 0");
  if (context.attrs.b("reflect")) {
    context.expect(before < x.dims[axis] && after < x.dims[axis],
                   "expected reflection of fewer than " + std::to_string(x.dims[axis]) + " elements, got " +
                       std::to_string(before) + " and " + std::to_string(after));
  }
  Shape out = x;
  out.dims[axis] += before + after;
  context.output(out, context.inputs[0].dtype);
}

void gradient_pad(GradContext& context) {
  const Attrs& attrs = context.node.attrs;
  if (attrs.b("reflect")) {
    context.input_grads[0] =
        context.call("pad_reflect_grad", {context.output_grads[0]},
                     {{"axis", attrs.i("axis")}, {"before", attrs.i("before")}, {"after", attrs.i("after")}});
  } else {
    context.input_grads[0] = context.call("slice", {context.output_grads[0]},
                                          {{"axis", attrs.i("axis")},
                                           {"start", attrs.i("before")},
                                           {"length", context.in_shape(0).dims[attrs.i("axis")]}});
  }
}

void infer_pad_reflect_grad(InferContext& context) {
  Shape out = context.shape(0);
  expect_axis(context, out.rank);
  const int64_t before = context.attrs.i("before"), after = context.attrs.i("after");
  const int64_t length = out.dims[context.attrs.i("axis")] - before - after;
  context.expect(before >= 0 && after >= 0 && length > before && length > after,
                 "expected a gradient longer than its padding, got " + to_string(out));
  out.dims[context.attrs.i("axis")] = length;
  context.output(out);
}

// ---- broadcast_to ----

void infer_broadcast_to(InferContext& context) {
  const Shape shape = shape_attr(context);
  const Shape& x = context.shape(0);
  context.expect_dtype(0, "x", DType::f32);
  bool fits = x.rank <= shape.rank;
  for (int i = 1; fits && i <= x.rank; ++i) fits = x[-i] == shape[-i] || x[-i] == 1;
  context.expect(fits, "expected a shape that " + to_string(x) + " broadcasts to, got " + to_string(shape));
  context.output(shape);
}

void gradient_broadcast_to(GradContext& context) {
  context.input_grads[0] = sum_to_shape(context.graph, context.output_grads[0], context.in_shape(0));
}

// Elements are moved, whatever they are.
OpDef of_any_type(OpDef op) {
  op.any_type = true;
  return op;
}

}  // namespace

void register_layout(Registry& registry) {
  OpDef reshape{"reshape", 1, 1, {AttrSpec::required_list("shape")}, infer_reshape, gradient_reshape};
  reshape.is_view = true;
  registry.add(of_any_type(reshape));
  OpDef stop{"stop_gradient", 1, 1, {}, infer_same, gradient_none};
  stop.is_view = true;
  registry.add(of_any_type(stop));
  registry.add({"to_integer", 1, 1, {}, infer_to_integer, nullptr, "integers have none"});
  const OpDef transpose{"transpose", 1, 1, {AttrSpec::required_list("order")}, infer_transpose, gradient_transpose};
  registry.add(of_any_type(transpose));
  const OpDef slice{
      "slice",
      1,
      1,
      {AttrSpec::required_integer("axis"), AttrSpec::required_integer("start"), AttrSpec::required_integer("length")},
      infer_slice,
      gradient_slice};
  registry.add(of_any_type(slice));
  const OpDef concat{"concat", 1, kMaxConcat, {AttrSpec::required_integer("axis")}, infer_concat, gradient_concat};
  registry.add(of_any_type(concat));
  const std::vector<AttrSpec> padding = {AttrSpec::required_integer("axis"), AttrSpec::integer("before", 0),
                                         AttrSpec::integer("after", 0)};
  std::vector<AttrSpec> pad_attrs = padding;
  pad_attrs.push_back(AttrSpec::integer("reflect", 0));
  const OpDef pad{"pad", 1, 1, pad_attrs, infer_pad, gradient_pad};
  registry.add(of_any_type(pad));
  registry.add({"pad_reflect_grad", 1, 1, padding, infer_pad_reflect_grad, nullptr, "itself a gradient"});
  registry.add({"broadcast_to", 1, 1, {AttrSpec::required_list("shape")}, infer_broadcast_to, gradient_broadcast_to});
}

}  // namespace lmspt
