// A graph made ready for one device: the nodes that the outputs need, as steps, rewritten for speed.
#pragma once

#include <string>
#include <vector>

#include "device/device.h"
#include "graph/graph.h"

namespace lmspt {

struct Step {
  const OpDef* op;  // none while a pass takes it out
  Attrs attrs;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;

  ValueId input(size_t index) const { return index < inputs.size() ? inputs[index] : kNoValue; }
  bool has_input(size_t index) const { return input(index) != kNoValue; }
  void set_input(size_t index, ValueId value);
};

struct NamedValue {
  std::string name;
  ValueId value;
};

// A variable that a run gives a new value, both by their ids.
struct Update {
  ValueId variable;
  ValueId value;
};

struct Program {
  struct Source {  // where a value that no step makes comes from
    NodeKind kind = NodeKind::op;
    std::string name;
    std::shared_ptr<Variable> variable;
    Buffer constant;
  };
  std::vector<Tensor> values;  // types and shapes by ValueId; no data
  std::vector<Source> sources;
  std::vector<Step> steps;
  std::vector<NamedValue> outputs;
  std::vector<Update> updates;
  std::vector<ValueId> stored_in;  // by value: the variable whose memory it is written to, or kNoValue

  ValueId add_value(const Tensor& tensor);
  std::vector<int> use_counts() const;  // uses by steps, outputs and updates
  std::vector<int> makers() const;      // by value: the step that makes it, or -1
  std::vector<Tensor> input_tensors(const Step& step) const;
  std::vector<ValueId> roots() const;  // by value: the one of whose memory it is a view, or itself
  bool is_stored(const Step& step) const;
  void drop_steps_without_op();
};

// A step as devices are asked about it: tensors without data.
class DescribedCall {
 public:
  DescribedCall(const Program& program, const Step& step);
  KernelContext context();

 private:
  const Step& step_;
  std::vector<Tensor> inputs_, outputs_;
};

// The steps that the outputs and updates need, in recorded order.
Program lower(const Graph& graph, const std::vector<NamedValue>& outputs, const std::vector<Update>& updates = {});

// Gives the ops that multiply matrices this precision, where they have none of their own.
void set_precision(Program& program, Precision precision);

// Replaces every precision by the one in which the device computes it; throws where it has none such.
void resolve_precision(Program& program, const Device& device);

// Turns transposed convolutions of stride 1 into convolutions with transposed weights, for which the CPU has the faster
// kernels.
void straighten_convolutions(Program& program, const Device& device);

// Joins neighbours that one kernel does: Snake into the convolution that reads it, a residual sum into the convolution
// that feeds it, the stages of a quantizer and, on CUDA, what surrounds the products of Transformer layers, LeakyReLU
// and Snake into the convolution before. Results are bit-identical, where values in between are not stored as bf16
// numbers; LMSPT_FUSION=0 switches it off, LMSPT_FUSED_QUANTIZER=0, LMSPT_FUSED_LAYERS=0, LMSPT_FUSED_LEAKY_RELU=0 and
// LMSPT_NEXT_SNAKE=0 the last four.
void fuse(Program& program, Device& device);

// Inserts the rewriting of weights into the layout that kernels read, once per weight and layout.
void insert_packing(Program& program);

// Lets the steps that make the new values of variables write into their memory, where nobody reads the old ones any
// more; elsewhere a copy at the end does. Throws for updates that cannot be.
void insert_updates(Program& program);

}  // namespace lmspt
