// The recorded computation: values and the nodes that make them, in the order of recording.
// Shapes are checked at the moment an op is recorded.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/op.h"
#include "graph/variable.h"

namespace lmspt {

enum class NodeKind { op, input, variable, constant };

constexpr int32_t kNoSegment = -1;

struct Node {
  NodeKind kind = NodeKind::op;
  const OpDef* op = nullptr;
  Attrs attrs;
  std::vector<ValueId> inputs;  // kNoValue for an absent optional input
  std::vector<ValueId> outputs;
  std::string name;                    // inputs
  std::shared_ptr<Variable> variable;  // variables
  Buffer constant;                     // constants
  int32_t segment = kNoSegment;        // ops
};

struct Value {
  DType dtype;
  Shape shape;
  int32_t node;
};

class Graph {
 public:
  ValueId input(const std::string& name, DType dtype, const Shape& shape);
  ValueId variable(std::shared_ptr<Variable> variable);
  ValueId constant(DType dtype, const Shape& shape, const void* data);
  ValueId fill(const Shape& shape, float value);
  std::vector<ValueId> apply(const std::string& op, const std::vector<ValueId>& inputs, const AttrArgs& attrs = {});

  // What is recorded between these is a segment: gradients compute its values again, just before they are wanted,
  // instead of keeping them. A segment inside another one is part of it.
  void begin_segment();
  void end_segment();

  // Gradients of sum(output_i * seed_i) with respect to `wrt`; zeros where nothing depends on a value.
  std::vector<ValueId> gradients(const std::vector<ValueId>& outputs, const std::vector<ValueId>& seeds,
                                 const std::vector<ValueId>& wrt);

  const Value& value(ValueId id) const;
  const Node& node_of(ValueId id) const { return nodes_[value(id).node]; }
  const std::vector<Node>& nodes() const { return nodes_; }
  int value_count() const { return static_cast<int>(values_.size()); }

 private:
  ValueId add_value(DType dtype, const Shape& shape);
  void record_again(int32_t segment, std::vector<ValueId>& again);

  std::vector<Node> nodes_;
  std::deque<Value> values_;  // references to values stay valid while rules record more
  std::map<uint64_t, ValueId> variables_;
  int open_segments_ = 0;
  int32_t segments_ = 0;
};

// Attributes in the op's own order, defaults filled in; throws for unknown, missing or mistyped ones.
Attrs resolve_attrs(const OpDef& op, const AttrArgs& args);

}  // namespace lmspt
