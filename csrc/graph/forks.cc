#include "graph/forks.h"

#include <algorithm>

namespace lmspt {

namespace {

constexpr int kMostSteps = 1024;                  // for the search takes the square of their number
constexpr int kLeastSteps = 3;                    // of a run: a fork and a join cost as much as a short kernel
constexpr int64_t kMostBytes = 32 * 1024 * 1024;  // of a value: larger ones are work for a whole GPU

class ForkSearch {
 public:
  ForkSearch(const Program& program, const std::vector<Step>& steps) : readers_(steps.size()), is_small_(steps.size()) {
    std::vector<int> maker(program.values.size(), -1);
    for (int i = 0; i < static_cast<int>(steps.size()); ++i) {
      for (ValueId id : steps[i].inputs) {
        if (id != kNoValue && maker[id] >= 0) readers_[maker[id]].push_back(i);
      }
      for (ValueId id : steps[i].outputs) maker[id] = i;
      is_small_[i] = std::all_of(steps[i].outputs.begin(), steps[i].outputs.end(),
                                 [&](ValueId id) { return program.values[id].bytes() <= kMostBytes; });
    }
  }

  // Those within steps [begin, end).
  void find(int begin, int end, std::vector<Fork>& forks) const {
    const Fork fork = longest(begin, end);
    if (fork.end == fork.first) return;
    find(begin, fork.first, forks);
    forks.push_back(fork);
    find(fork.end, end, forks);
  }

 private:
  // Of the shorter of its runs as many steps as can be, then of both.
  Fork longest(int begin, int end) const {
    Fork best{begin, begin, begin};
    const auto shorter = [](const Fork& fork) { return std::min(fork.second - fork.first, fork.end - fork.second); };
    for (int second = begin + kLeastSteps; second <= end - kLeastSteps; ++second) {
      int stop = second;  // of the second run: before it reads what the first one makes
      while (stop < end && is_small_[stop]) ++stop;
      for (int first = second - 1; first >= begin && is_small_[first] && stop - second >= kLeastSteps; --first) {
        const auto reader = std::lower_bound(readers_[first].begin(), readers_[first].end(), second);
        if (reader != readers_[first].end()) stop = std::min(stop, *reader);
        const Fork fork{first, second, stop};
        if (shorter(fork) < kLeastSteps) continue;
        const bool longer = shorter(fork) == shorter(best) && fork.end - fork.first > best.end - best.first;
        if (shorter(fork) > shorter(best) || longer) best = fork;
      }
    }
    return best;
  }

  std::vector<std::vector<int>> readers_;  // by step: those that read what it makes, in rising order
  std::vector<bool> is_small_;             // by step: whether what it makes is
};

}  // namespace

std::vector<Fork> find_forks(const Program& program, const std::vector<Step>& steps) {
  std::vector<Fork> forks;
  if (steps.size() <= kMostSteps) ForkSearch(program, steps).find(0, static_cast<int>(steps.size()), forks);
  return forks;
}

}  // namespace lmspt
