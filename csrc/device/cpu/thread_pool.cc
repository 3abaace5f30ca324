#include "device/cpu/thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "device/cpu/placement.h"
#include "device/error.h"

namespace lmspt {

namespace {

constexpr int kSpins = 2000;  // about 20 us: kernels of one plan follow each other faster than a thread wakes up

void pause_thread() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class StaticPool final : public ThreadPool {
 public:
  explicit StaticPool(int threads) : scratch_(threads), placement_(Placement::create(threads)) {
    try {
      for (int worker = 1; worker < threads; ++worker) {
        threads_.emplace_back([this, worker] { work(worker); });
      }
    } catch (const std::system_error& error) {
      stop();
      throw Error(ErrorCode::device, "Expected to start " + std::to_string(threads) +
                                         " threads, but the system refused: " + error.what() + "; ask for fewer");
    } catch (...) {
      stop();
      throw;
    }
  }

  ~StaticPool() override {
    stop();
    for (auto& buffer : scratch_) std::free(buffer.data);
  }

  int threads() const override { return static_cast<int>(threads_.size()) + 1; }

  void run(int64_t count, Task task, void* context) override {
    if (count <= 1 || threads_.empty()) {
      for (int64_t i = 0; i < count; ++i) task(context, i, 0);
      return;
    }
    placement_->caller_is_here();
    failure_ = nullptr;
    task_ = task;
    context_ = context;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    {
      std::lock_guard lock(mutex_);
      state_.store((generation(state_.load(std::memory_order_relaxed)) + 1) << 32 | kOpen, std::memory_order_release);
    }
    wake_.notify_all();
    take_tasks(0);
    wait_for_helpers();
    if (failure_) std::rethrow_exception(failure_);
  }

  void* scratch(int worker, size_t bytes) override {
    Buffer& buffer = scratch_[worker];
    if (buffer.size < bytes) {
      std::free(buffer.data);
      buffer.size = (bytes + 63) / 64 * 64;
      buffer.data = std::aligned_alloc(64, buffer.size);
      if (!buffer.data) {
        buffer.size = 0;
        throw std::bad_alloc();
      }
    }
    return buffer.data;
  }

 private:
  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  struct Buffer {
    void* data = nullptr;
    size_t size = 0;
  };

  void take_tasks(int worker) {
    try {
      for (;;) {
        const int64_t index = next_.fetch_add(1, std::memory_order_relaxed);
        if (index >= count_) return;
        task_(context_, index, worker);
      }
    } catch (...) {
      std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      next_.store(count_, std::memory_order_relaxed);
    }
  }

  // Lets nobody in any more, and waits for those who are inside. A thread that has not woken up yet is not waited for:
  // on a busy machine that would take far longer than the tasks.
  void wait_for_helpers() {
    uint64_t state = state_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
    for (int spin = 0; helpers(state) != 0; ++spin) {
      if (spin < kSpins) {
        pause_thread();
      } else {
        state_.wait(state, std::memory_order_acquire);
      }
      state = state_.load(std::memory_order_acquire);
    }
  }

  // Whether this thread may take tasks; if so, it counts as a helper.
  bool enter() {
    uint64_t state = state_.load(std::memory_order_acquire);
    while (state & kOpen) {
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) return true;
    }
    return false;
  }

  void leave() {
    const uint64_t state = state_.fetch_sub(1, std::memory_order_release) - 1;
    if (helpers(state) == 0 && !(state & kOpen)) state_.notify_one();
  }

  void work(int worker) {
    placement_->add_helper();
    uint64_t seen = 0;
    const auto current = [&] { return generation(state_.load(std::memory_order_acquire)); };
    for (;;) {
      for (int spin = 0; spin < kSpins && current() == seen; ++spin) pause_thread();
      if (current() == seen) {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || current() != seen; });
        if (stopping_) return;
      }
      seen = current();
      if (!enter()) continue;
      take_tasks(worker);
      leave();
    }
  }

  std::vector<std::thread> threads_;
  std::vector<Buffer> scratch_;
  const std::unique_ptr<Placement> placement_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::exception_ptr failure_;
  // How often tasks were given out (upper half), whether helpers may come in, and how many are inside.
  std::atomic<uint64_t> state_{0};
  static constexpr uint64_t kOpen = uint64_t{1} << 31;
  static uint64_t generation(uint64_t state) { return state >> 32; }
  static uint64_t helpers(uint64_t state) { return state & (kOpen - 1); }
  std::atomic<int64_t> next_{0};
  Task task_ = nullptr;
  void* context_ = nullptr;
  int64_t count_ = 0;
};

}  // namespace

ThreadPool* ThreadPool::create(int threads) { return new StaticPool(threads); }

}  // namespace lmspt
