// Places values that live at different times at the same addresses.
#pragma once

#include <cstdint>
#include <vector>

namespace lmspt {

struct Lifetime {
  int64_t bytes;
  int first;  // the step that writes the value
  int last;   // the last step that reads it
  int run;    // the run of a fork (graph/forks.h) in which it is made, from 1 on; 0: none
  int64_t offset = -1;

  // Whether both may live at a time: runs 1 and 2, 3 and 4 and so on are computed together.
  bool meets(const Lifetime& other) const {
    const bool together = run > 0 && other.run > 0 && run != other.run && (run - 1) / 2 == (other.run - 1) / 2;
    return together || (first <= other.last && other.first <= last);
  }
};

// Sets the offsets (multiples of 64) and returns the arena's size. Largest values first, each at the lowest offset that
// is free during its whole life.
int64_t plan_memory(std::vector<Lifetime>& lifetimes);

}  // namespace lmspt
