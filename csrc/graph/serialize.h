// A plan file: a graph with its weights and, optionally, sample values to check it with; docs/plan-file.md describes
// it. It holds the graph rather than machine code: whoever loads it plans it anew for the machine at hand, and every op
// is checked by its shape rule as if it were recorded.
#pragma once

#include <string>
#include <vector>

#include "graph/program.h"

namespace lmspt {

struct PlanSample {
  ValueId value;     // an input or an output of the graph
  double tolerance;  // outputs: allowed difference relative to the largest expected magnitude; integers must be equal
  std::vector<float> data;  // the bytes of the value, whatever its type
};

struct PlanFile {
  Program program;
  std::vector<PlanSample> samples;
};

std::string serialize_plan(const PlanFile& file);
PlanFile parse_plan(const void* data, int64_t size);  // throws a format error with the offset

}  // namespace lmspt
