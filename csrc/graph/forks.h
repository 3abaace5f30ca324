// Finds what a device may compute at the same time: two runs of steps, one recorded after the other, that need nothing
// of each other, such as the two encoders of a tokenizer.
#pragma once

#include <vector>

#include "graph/program.h"

namespace lmspt {

// Steps [first, second) and [second, end).
struct Fork {
  int first, second, end;

  bool holds(int step) const { return first <= step && step < end; }
  bool is_aside(int step) const { return first <= step && step < second; }
};

// In rising order, none within another. None where nothing in a run leaves the device room for another.
std::vector<Fork> find_forks(const Program& program, const std::vector<Step>& steps);

}  // namespace lmspt
