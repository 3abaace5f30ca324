#include "graph/op.h"

#include "graph/graph.h"

namespace lmspt {

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int i = 0; i < shape.rank; ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

bool is_countable(const Shape& shape) {
  int64_t count = 1;
  for (int i = 0; i < shape.rank; ++i) {
    if (shape[i] < 0 || (shape[i] > 0 && count > kMaxElements / shape[i])) return false;
    count *= shape[i] > 0 ? shape[i] : 1;
  }
  return true;
}

void check_countable(const std::string& what, const Shape& shape) {
  if (is_countable(shape)) return;
  throw Error(ErrorCode::shape, "[" + what + "] expected a shape of at most 2^40 elements, got " + to_string(shape));
}

Shape make_shape(std::initializer_list<int64_t> dims) {
  Shape shape;
  for (int64_t dim : dims) shape.dims[shape.rank++] = dim;
  return shape;
}

namespace {

AttrValue integer_value(int64_t value) {
  AttrValue result;
  result.kind = AttrKind::integer;
  result.integer = value;
  return result;
}

AttrValue real_value(double value) {
  AttrValue result;
  result.kind = AttrKind::real;
  result.real = value;
  return result;
}

AttrValue list_value(const int64_t* items, size_t length) {
  AttrValue result;
  result.kind = AttrKind::list;
  constexpr size_t capacity = sizeof(result.list) / sizeof(result.list[0]);
  if (length > capacity) {
    throw Error(ErrorCode::invalid_argument, "Expected a list of at most " + std::to_string(capacity) + " numbers");
  }
  result.length = static_cast<int32_t>(length);
  for (size_t i = 0; i < length; ++i) result.list[i] = items[i];
  return result;
}

}  // namespace

AttrSpec AttrSpec::integer(const char* name, int64_t fallback) {
  return {name, AttrKind::integer, integer_value(fallback)};
}
AttrSpec AttrSpec::real(const char* name, double fallback) { return {name, AttrKind::real, real_value(fallback)}; }
AttrSpec AttrSpec::required_integer(const char* name) { return {name, AttrKind::integer, {}, true}; }
AttrSpec AttrSpec::required_list(const char* name) { return {name, AttrKind::list, {}, true}; }

AttrArg::AttrArg(const char* name, int64_t value) : name(name), value(integer_value(value)) {}
AttrArg::AttrArg(const char* name, double value) : name(name), value(real_value(value)) {}
AttrArg::AttrArg(const char* name, const std::vector<int64_t>& list)
    : name(name), value(list_value(list.data(), list.size())) {}
AttrArg::AttrArg(const char* name, const Shape& shape) : name(name), value(list_value(shape.dims, shape.rank)) {}

void InferContext::expect(bool condition, const std::string& message) const {
  if (!condition) throw Error(ErrorCode::shape, "[" + std::string(op) + "] " + message);
}

void InferContext::expect_rank(int input, const char* name, int rank) const {
  expect(shape(input).rank == rank,
         "expected " + std::string(name) + " of rank " + std::to_string(rank) + ", got " + to_string(shape(input)));
}

void InferContext::expect_dtype(int input, const char* name, DType dtype) const {
  expect(inputs[input].dtype == dtype,
         "expected " + std::string(name) + (dtype == DType::f32 ? " of type f32, got i32" : " of type i32, got f32"));
}

void InferContext::expect_shape(int input, const char* name, const Shape& wanted) const {
  expect(shape(input) == wanted,
         "expected " + std::string(name) + " of shape " + to_string(wanted) + ", got " + to_string(shape(input)));
}

void InferContext::expect_attr(const char* name, int64_t least, int64_t most) const {
  const int64_t value = attrs.i(name);
  expect(least <= value && value <= most, "expected " + std::string(name) + " from " + std::to_string(least) + " to " +
                                              std::to_string(most) + ", got " + std::to_string(value));
}

ValueId GradContext::in(int i) const { return i < static_cast<int>(node.inputs.size()) ? node.inputs[i] : kNoValue; }
ValueId GradContext::out(int i) const { return node.outputs[i]; }
const Shape& GradContext::in_shape(int i) const { return graph.value(in(i)).shape; }
ValueId GradContext::call(const char* op, const std::vector<ValueId>& inputs, const AttrArgs& attrs) const {
  return graph.apply(op, inputs, attrs)[0];
}

}  // namespace lmspt
