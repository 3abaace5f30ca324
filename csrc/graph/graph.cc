#include "graph/graph.h"

#include <algorithm>
#include <cstring>

#include "graph/registry.h"

namespace lmspt {

namespace {

void check_types(const InferContext& context, const OpDef& op) {
  for (int i = 0; !op.any_type && i < static_cast<int>(context.inputs.size()); ++i) {
    const bool integer = std::find(op.integer_inputs.begin(), op.integer_inputs.end(), i) != op.integer_inputs.end();
    const std::string name = "input " + std::to_string(i + 1);
    if (context.has(i)) context.expect_dtype(i, name.c_str(), integer ? DType::i32 : DType::f32);
  }
}

bool in_range(const AttrValue& value) {
  const auto fits = [](int64_t number) { return -kMaxElements <= number && number <= kMaxElements; };
  if (value.kind == AttrKind::integer) return fits(value.integer);
  return value.kind == AttrKind::real || std::all_of(value.list, value.list + value.length, fits);
}

}  // namespace

Attrs resolve_attrs(const OpDef& op, const AttrArgs& args) {
  Attrs attrs;
  std::vector<bool> used(args.size(), false);
  for (const AttrSpec& spec : op.attrs) {
    AttrValue value = spec.fallback;
    bool given = false;
    for (size_t i = 0; i < args.size(); ++i) {
      if (args[i].name != spec.name) continue;
      value = args[i].value;
      used[i] = given = true;
    }
    if (!given && spec.required) {
      throw Error(ErrorCode::invalid_argument, "[" + op.name + "] expected the attribute " + spec.name);
    }
    if (given && value.kind == AttrKind::integer && spec.kind == AttrKind::real) {
      value.kind = AttrKind::real;
      value.real = static_cast<double>(value.integer);
    }
    if (given && value.kind != spec.kind) {
      static const char* kinds[] = {"an integer", "a number", "a list of integers"};
      throw Error(ErrorCode::invalid_argument, "[" + op.name + "] expected " + kinds[static_cast<int>(spec.kind)] +
                                                   " for the attribute " + spec.name);
    }
    if (!in_range(value)) {
      throw Error(ErrorCode::invalid_argument,
                  "[" + op.name + "] expected the attribute " + spec.name + " between -2^40 and 2^40");
    }
    attrs.names[attrs.count] = spec.name;
    attrs.values[attrs.count++] = value;
  }
  for (size_t i = 0; i < args.size(); ++i) {
    if (!used[i]) {
      throw Error(ErrorCode::invalid_argument, "[" + op.name + "] has no attribute named " + args[i].name);
    }
  }
  return attrs;
}

ValueId Graph::add_value(DType dtype, const Shape& shape) {
  values_.push_back({dtype, shape, static_cast<int32_t>(nodes_.size())});
  return static_cast<ValueId>(values_.size() - 1);
}

const Value& Graph::value(ValueId id) const {
  if (id < 0 || id >= value_count()) {
    throw Error(ErrorCode::invalid_argument, "Expected a value of this graph, got the number " + std::to_string(id));
  }
  return values_[id];
}

ValueId Graph::input(const std::string& name, DType dtype, const Shape& shape) {
  check_countable("input " + name, shape);
  for (const Node& node : nodes_) {
    if (node.kind == NodeKind::input && node.name == name) {
      throw Error(ErrorCode::invalid_argument, "The graph has an input named \"" + name + "\" already");
    }
  }
  const ValueId id = add_value(dtype, shape);
  Node node;
  node.kind = NodeKind::input;
  node.name = name;
  node.outputs = {id};
  nodes_.push_back(std::move(node));
  return id;
}

ValueId Graph::variable(std::shared_ptr<Variable> variable) {
  const auto known = variables_.find(variable->id());
  if (known != variables_.end()) return known->second;
  const ValueId id = add_value(variable->dtype(), variable->shape());
  variables_[variable->id()] = id;
  Node node;
  node.kind = NodeKind::variable;
  node.variable = std::move(variable);
  node.outputs = {id};
  nodes_.push_back(std::move(node));
  return id;
}

ValueId Graph::constant(DType dtype, const Shape& shape, const void* data) {
  check_countable("constant", shape);
  const int64_t bytes = shape.count() * kElementSize;
  Node node;
  node.kind = NodeKind::constant;
  node.constant = Buffer::allocate(bytes);
  std::memcpy(node.constant.data, data, bytes);
  const ValueId id = add_value(dtype, shape);
  node.outputs = {id};
  nodes_.push_back(std::move(node));
  return id;
}

ValueId Graph::fill(const Shape& shape, float value) {
  const ValueId scalar = constant(DType::f32, Shape{}, &value);
  return shape.rank == 0 ? scalar : apply("broadcast_to", {scalar}, {{"shape", shape}})[0];
}

void Graph::begin_segment() {
  if (open_segments_++ == 0) ++segments_;
}

void Graph::end_segment() {
  if (open_segments_ == 0) throw Error(ErrorCode::invalid_argument, "Expected a segment to be open");
  --open_segments_;
}

std::vector<ValueId> Graph::apply(const std::string& name, const std::vector<ValueId>& inputs, const AttrArgs& args) {
  const OpDef& op = Registry::get().op(name);
  const int given = static_cast<int>(inputs.size());
  if (given < op.min_inputs || given > op.max_inputs) {
    throw Error(ErrorCode::invalid_argument, "[" + name + "] expected " + std::to_string(op.min_inputs) + " to " +
                                                 std::to_string(op.max_inputs) + " inputs, got " +
                                                 std::to_string(given));
  }
  Node node;
  node.op = &op;
  node.attrs = resolve_attrs(op, args);
  node.inputs = inputs;
  if (open_segments_ > 0) node.segment = segments_ - 1;
  InferContext context{op.name.c_str(), {}, node.attrs, {}};
  for (int i = 0; i < given; ++i) {
    if (inputs[i] == kNoValue && i >= op.min_inputs) {
      Tensor absent;
      absent.shape.rank = -1;
      context.inputs.push_back(absent);
    } else {
      const Value& v = value(inputs[i]);
      context.inputs.push_back({nullptr, v.dtype, v.shape});
    }
  }
  op.infer(context);
  check_types(context, op);
  for (const Tensor& output : context.outputs) {
    check_countable(name, output.shape);
    node.outputs.push_back(add_value(output.dtype, output.shape));
  }
  std::vector<ValueId> outputs = node.outputs;
  nodes_.push_back(std::move(node));
  return outputs;
}

}  // namespace lmspt
