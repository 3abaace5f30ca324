#include "graph/program.h"

#include <algorithm>

namespace lmspt {

ValueId Program::add_value(const Tensor& tensor) {
  values.push_back(tensor);
  sources.emplace_back();
  return static_cast<ValueId>(values.size() - 1);
}

std::vector<int> Program::use_counts() const {
  std::vector<int> counts(values.size(), 0);
  for (const Step& step : steps) {
    for (ValueId id : step.inputs) {
      if (id != kNoValue) ++counts[id];
    }
  }
  for (const NamedValue& output : outputs) ++counts[output.value];
  return counts;
}

std::vector<Tensor> Program::input_tensors(const Step& step) const {
  std::vector<Tensor> tensors;
  for (ValueId id : step.inputs) {
    Tensor absent;
    absent.shape.rank = -1;
    tensors.push_back(id == kNoValue ? absent : values[id]);
  }
  return tensors;
}

Program lower(const Graph& graph, const std::vector<NamedValue>& outputs) {
  Program program;
  program.outputs = outputs;
  std::vector<bool> needed(graph.value_count(), false);
  for (const NamedValue& output : outputs) {
    graph.value(output.value);
    needed[output.value] = true;
  }
  std::vector<const Node*> kept;
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    if (std::none_of(node->outputs.begin(), node->outputs.end(), [&](ValueId id) { return needed[id]; })) continue;
    kept.push_back(&*node);
    for (ValueId id : node->inputs) {
      if (id != kNoValue) needed[id] = true;
    }
  }
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    program.add_value({nullptr, graph.value(id).dtype, graph.value(id).shape});
  }
  for (auto node = kept.rbegin(); node != kept.rend(); ++node) {
    if ((*node)->kind == NodeKind::op) {
      program.steps.push_back({(*node)->op, (*node)->attrs, (*node)->inputs, (*node)->outputs});
    } else {
      program.sources[(*node)->outputs[0]] = {(*node)->kind, (*node)->name, (*node)->variable, (*node)->constant};
    }
  }
  return program;
}

}  // namespace lmspt
