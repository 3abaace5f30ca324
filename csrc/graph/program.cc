#include "graph/program.h"

#include <algorithm>

namespace lmspt {

void Step::set_input(size_t index, ValueId value) {
  if (inputs.size() <= index) inputs.resize(index + 1, kNoValue);
  inputs[index] = value;
}

ValueId Program::add_value(const Tensor& tensor) {
  values.push_back(tensor);
  sources.emplace_back();
  stored_in.push_back(kNoValue);
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
  for (const Update& update : updates) ++counts[update.value];
  return counts;
}

std::vector<int> Program::makers() const {
  std::vector<int> makers(values.size(), -1);
  for (size_t index = 0; index < steps.size(); ++index) {
    for (ValueId id : steps[index].outputs) makers[id] = static_cast<int>(index);
  }
  return makers;
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

DescribedCall::DescribedCall(const Program& program, const Step& step)
    : step_(step), inputs_(program.input_tensors(step)) {
  for (ValueId id : step.outputs) outputs_.push_back(program.values[id]);
}

KernelContext DescribedCall::context() {
  KernelContext context{};
  context.inputs = inputs_.data();
  context.input_count = static_cast<int>(inputs_.size());
  context.outputs = outputs_.data();
  context.output_count = static_cast<int>(outputs_.size());
  context.attrs = &step_.attrs;
  return context;
}

std::vector<ValueId> Program::roots() const {
  std::vector<ValueId> root(values.size());
  for (size_t id = 0; id < root.size(); ++id) root[id] = static_cast<ValueId>(id);
  for (const Step& step : steps) {
    if (step.op->is_view) root[step.outputs[0]] = root[step.inputs[0]];
  }
  return root;
}

bool Program::is_stored(const Step& step) const {
  return std::any_of(step.outputs.begin(), step.outputs.end(), [&](ValueId id) { return stored_in[id] != kNoValue; });
}

void Program::drop_steps_without_op() {
  std::erase_if(steps, [](const Step& step) { return !step.op; });
}

Program lower(const Graph& graph, const std::vector<NamedValue>& outputs, const std::vector<Update>& updates) {
  Program program;
  program.outputs = outputs;
  program.updates = updates;
  std::vector<bool> needed(graph.value_count(), false);
  for (const NamedValue& output : outputs) {
    graph.value(output.value);
    needed[output.value] = true;
  }
  for (const Update& update : updates) needed[update.variable] = needed[update.value] = true;
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
