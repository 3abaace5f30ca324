// Records the graph of a case, over random data that lies on the device.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graph/program.h"

namespace lmspt::lab {

class Recorder {
 public:
  ValueId changing(std::initializer_list<int64_t> shape);                      // random numbers that are not folded
  ValueId weights(std::initializer_list<int64_t> shape);                       // small random numbers that never change
  ValueId positive(std::initializer_list<int64_t> shape, bool frozen = true);  // from 0.5 to 1.5
  ValueId scalar(float value);
  ValueId integers(std::initializer_list<int64_t> shape, int first, int end);
  ValueId integers(const std::vector<int32_t>& numbers);
  // Random numbers that a step makes, so that they are stored as the precision has it.
  ValueId made(std::initializer_list<int64_t> shape);

  std::vector<ValueId> apply(const std::string& op, const std::vector<ValueId>& inputs, const AttrArgs& attrs = {});
  ValueId one(const std::string& op, const std::vector<ValueId>& inputs, const AttrArgs& attrs = {});

  // The gradient of sum(output * seed).
  ValueId gradient(ValueId output, ValueId seed, ValueId wrt) { return graph_.gradients({output}, {seed}, {wrt})[0]; }

  // Keeps a value from being left out: its sum is an output, or itself where it is of integers.
  void want(ValueId value);
  void update(ValueId variable, ValueId value);

  Program program(Precision precision) const;

 private:
  template <class Number>
  ValueId variable(DType dtype, std::initializer_list<int64_t> shape, bool frozen, Number number);

  Graph graph_;
  std::vector<NamedValue> outputs_;
  std::vector<Update> updates_;
};

}  // namespace lmspt::lab
