// A fixed set of threads that share out numbered tasks. The caller is worker 0 and takes part.
// Which thread runs a task must never matter to the result.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/tensor.h"

namespace lmspt {

class ThreadPool {
 public:
  static ThreadPool* create(int threads);
  virtual ~ThreadPool() = default;

  virtual int threads() const = 0;

  // Runs task(context, index, worker) for every index in [0, count); returns when all are done.
  using Task = void (*)(void* context, int64_t index, int worker);
  virtual void run(int64_t count, Task task, void* context) = 0;

  // A 64-byte aligned buffer that belongs to one worker and stays valid until its next call.
  virtual void* scratch(int worker, size_t bytes) = 0;
};

// parallel_for(pool, count, [&](int64_t index, int worker) { ... });
template <class Body>
LMSPT_INLINE void parallel_for(ThreadPool* pool, int64_t count, Body&& body) {
  struct Call {
    static void run(void* context, int64_t index, int worker) { (*static_cast<Body*>(context))(index, worker); }
  };
  pool->run(count, &Call::run, &body);
}

}  // namespace lmspt
