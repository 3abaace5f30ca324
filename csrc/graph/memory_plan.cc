#include "graph/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace lmspt {

int64_t plan_memory(std::vector<Lifetime>& lifetimes) {
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  int64_t arena = 0;
  std::vector<const Lifetime*> placed;  // by rising offset
  for (size_t index : order) {
    Lifetime& value = lifetimes[index];
    const int64_t size = (value.bytes + 63) / 64 * 64;
    int64_t offset = 0;
    for (const Lifetime* other : placed) {
      if (!value.meets(*other)) continue;
      if (offset + size <= other->offset) break;
      offset = std::max(offset, other->offset + (other->bytes + 63) / 64 * 64);
    }
    value.offset = offset;
    arena = std::max(arena, offset + size);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), &value,
                                   [](const Lifetime* a, const Lifetime* b) { return a->offset < b->offset; }),
                  &value);
  }
  return arena;
}

}  // namespace lmspt
