// Where the threads of a pool run. A scheduler that wakes helpers on their caller's CPU, as Linux does in virtual
// machines whose other CPUs look taken while they are merely idle, lets them share it for milliseconds until it
// balances.
#pragma once

#include <memory>

namespace lmspt {

// Keeps a pool's helpers off the CPU on which its caller runs, within the CPUs that the process may use. Does nothing
// where there are not as many CPUs as threads, on systems other than Linux, or with LMSPT_SPREAD=0.
class Placement {
 public:
  // For a pool of so many threads, the caller among them. Called where the pool is made.
  static std::unique_ptr<Placement> create(int threads);
  virtual ~Placement() = default;

  virtual void add_helper() = 0;  // called by each helper when it starts
  virtual void
  caller_is_here() = 0;  // called by the caller before it wants helpers; nearly free where it has not moved
};

}  // namespace lmspt
