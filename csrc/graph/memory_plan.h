// Places values that live at different times at the same addresses.
#pragma once

#include <cstdint>
#include <vector>

namespace lmspt {

struct Lifetime {
  int64_t bytes;
  int first;  // the step that writes the value
  int last;   // the last step that reads it
  int64_t offset = -1;
};

// Sets the offsets (multiples of 64) and returns the arena's size. Largest values first, each at the lowest offset that
// is free during its whole life.
int64_t plan_memory(std::vector<Lifetime>& lifetimes);

}  // namespace lmspt
