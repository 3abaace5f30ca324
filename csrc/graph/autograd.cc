// Reverse-mode differentiation: walks the nodes backwards and lets each op's gradient rule record more nodes.
#include <algorithm>
#include <numeric>

#include "graph/graph.h"

namespace lmspt {

namespace {

// Which values depend on one of `sources`.
std::vector<bool> dependents(const Graph& graph, const std::vector<ValueId>& sources) {
  std::vector<bool> depends(graph.value_count(), false);
  for (ValueId id : sources) depends[id] = true;
  for (const Node& node : graph.nodes()) {
    const bool any =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return id != kNoValue && depends[id]; });
    if (!any) continue;
    for (ValueId id : node.outputs) {
      if (graph.value(id).dtype == DType::f32) depends[id] = true;
    }
  }
  return depends;
}

// Which values depend on an input of the graph; what depends on variables and constants alone is not computed twice.
std::vector<bool> varying(const Graph& graph) {
  std::vector<bool> varies(graph.value_count(), false);
  for (const Node& node : graph.nodes()) {
    const bool any =
        node.kind == NodeKind::input ||
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return id != kNoValue && varies[id]; });
    for (ValueId id : node.outputs) varies[id] = any;
  }
  return varies;
}

AttrArgs args_of(const Attrs& attrs) {
  AttrArgs args;
  for (int i = 0; i < attrs.count; ++i) args.emplace_back(std::string(attrs.names[i]), attrs.values[i]);
  return args;
}

}  // namespace

// `again` maps values to their second copies, or to themselves.
void Graph::record_again(int32_t segment, std::vector<ValueId>& again) {
  const std::vector<bool> varies = varying(*this);
  const auto copy_of = [&](ValueId id) { return id == kNoValue ? kNoValue : again[id]; };
  const size_t count = nodes_.size();
  for (size_t index = 0; index < count; ++index) {
    if (nodes_[index].segment != segment || !varies[nodes_[index].outputs[0]]) continue;
    const Node node = nodes_[index];
    std::vector<ValueId> inputs;
    for (ValueId id : node.inputs) inputs.push_back(copy_of(id));
    const std::vector<ValueId> outputs = apply(node.op->name, inputs, args_of(node.attrs));
    for (size_t i = 0; i < outputs.size(); ++i) again[node.outputs[i]] = outputs[i];
  }
}

std::vector<ValueId> Graph::gradients(const std::vector<ValueId>& outputs, const std::vector<ValueId>& seeds,
                                      const std::vector<ValueId>& wrt) {
  if (outputs.size() != seeds.size()) {
    throw Error(ErrorCode::invalid_argument, "[gradients] expected one seed per output, got " +
                                                 std::to_string(seeds.size()) + " for " +
                                                 std::to_string(outputs.size()));
  }
  for (ValueId id : wrt) value(id);
  const std::vector<bool> depends = dependents(*this, wrt);
  const int last_node = static_cast<int>(nodes_.size()) - 1;  // what follows are gradients
  std::vector<ValueId> grads(value_count(), kNoValue), again(value_count());
  std::iota(again.begin(), again.end(), 0);
  int32_t repeated = kNoSegment;  // the segment that was recorded again last
  const auto accumulate = [&](ValueId id, ValueId gradient) {
    grads[id] = grads[id] == kNoValue ? gradient : apply("add", {grads[id], gradient})[0];
  };
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!(value(outputs[i]).shape == value(seeds[i]).shape)) {
      throw Error(ErrorCode::shape, "[gradients] expected a seed of shape " + to_string(value(outputs[i]).shape) +
                                        ", got " + to_string(value(seeds[i]).shape));
    }
    accumulate(outputs[i], seeds[i]);
  }

  for (int index = last_node; index >= 0; --index) {
    if (nodes_[index].kind != NodeKind::op) continue;
    const Node node = nodes_[index];  // a copy: gradient rules append to nodes_
    Node seen = node;
    GradContext context{*this, seen, {}, {}, std::vector<ValueId>(node.inputs.size(), kNoValue)};
    bool arrives = false;
    for (ValueId id : node.outputs) {
      const bool known = id < static_cast<ValueId>(depends.size()) && depends[id];
      context.output_grads.push_back(known ? grads[id] : kNoValue);
      arrives |= context.output_grads.back() != kNoValue;
    }
    for (ValueId id : node.inputs) context.needed.push_back(id != kNoValue && depends[id]);
    const bool wanted = std::find(context.needed.begin(), context.needed.end(), true) != context.needed.end();
    if (!arrives || !wanted) continue;
    if (!node.op->gradient) {
      throw Error(ErrorCode::unsupported, "[" + node.op->name + "] has no gradient: " + node.op->no_gradient);
    }
    if (node.segment != kNoSegment && node.segment != repeated) {
      record_again(node.segment, again);
      repeated = node.segment;
    }
    for (std::vector<ValueId>* ids : {&seen.inputs, &seen.outputs}) {
      for (ValueId& id : *ids) id = id == kNoValue ? id : again[id];
    }
    node.op->gradient(context);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (context.needed[i] && context.input_grads[i] != kNoValue) accumulate(node.inputs[i], context.input_grads[i]);
    }
  }

  std::vector<ValueId> result;
  for (ValueId id : wrt) result.push_back(grads[id] == kNoValue ? fill(value(id).shape, 0) : grads[id]);
  return result;
}

}  // namespace lmspt
