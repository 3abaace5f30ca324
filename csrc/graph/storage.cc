#include "graph/storage.h"

#include "device/setting.h"
#include "ops/precision.h"

namespace lmspt {

namespace {

// What a step says to a value as a bf16 number.
enum class Answer { never, may, wants };

Answer answer_of(const Step& step, uint32_t ports, size_t port) {
  if (port >= 32 || !(ports >> port & 1)) return Answer::never;
  return step.attrs.find("precision") && precision_of(step.attrs) == Precision::bf16 ? Answer::wants : Answer::may;
}

struct Votes {
  bool made = false, refused = false, wanted = false;

  void add(Answer answer) {
    refused |= answer == Answer::never;
    wanted |= answer == Answer::wants;
  }
};

// By value; those of views count for what they are views of.
std::vector<Votes> poll(const Program& program, const Device& device, const std::vector<ValueId>& root) {
  std::vector<Votes> votes(program.values.size());
  for (const Step& step : program.steps) {
    if (step.op->is_view) continue;
    DescribedCall call(program, step);
    const Bf16Ports ports = device.bf16_ports(step.op->name.c_str(), call.context());
    for (size_t i = 0; i < step.inputs.size(); ++i) {
      if (step.inputs[i] != kNoValue) votes[root[step.inputs[i]]].add(answer_of(step, ports.inputs, i));
    }
    for (size_t i = 0; i < step.outputs.size(); ++i) {
      votes[step.outputs[i]].made = true;
      votes[step.outputs[i]].add(answer_of(step, ports.outputs, i));
    }
  }
  for (const NamedValue& output : program.outputs) votes[root[output.value]].refused = true;
  for (const Update& update : program.updates) votes[root[update.value]].refused = true;
  return votes;
}

}  // namespace

void choose_storage(Program& program, const Device& device) {
  if (device.is_host() || is_switched_off("LMSPT_BF16_STORAGE")) return;
  const std::vector<ValueId> root = program.roots();
  const std::vector<Votes> votes = poll(program, device, root);
  for (size_t id = 0; id < program.values.size(); ++id) {
    const Votes& vote = votes[root[id]];
    const bool stored = program.stored_in[root[id]] != kNoValue;
    if (vote.made && vote.wanted && !vote.refused && !stored && program.values[id].dtype == DType::f32) {
      program.values[id].dtype = DType::bf16;
    }
  }
}

}  // namespace lmspt
