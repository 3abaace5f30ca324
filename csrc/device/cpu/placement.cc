#include "device/cpu/placement.h"

#include "device/setting.h"

#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mutex>
#include <vector>
#endif

namespace lmspt {

namespace {

class AnyPlacement final : public Placement {
 public:
  void add_helper() override {}
  void caller_is_here() override {}
};

#if defined(__linux__)

class SpreadPlacement final : public Placement {
 public:
  explicit SpreadPlacement(const cpu_set_t& allowed) : allowed_(allowed) {}

  void add_helper() override {
    std::lock_guard lock(mutex_);
    helpers_.push_back(static_cast<pid_t>(syscall(SYS_gettid)));
    keep_off(helpers_.back());
  }

  void caller_is_here() override {
    const int cpu = sched_getcpu();
    if (cpu == caller_cpu_) return;
    std::lock_guard lock(mutex_);
    caller_cpu_ = cpu;
    for (pid_t helper : helpers_) keep_off(helper);
  }

 private:
  // A system that refuses leaves the helper where its own scheduler wants it.
  void keep_off(pid_t helper) const {
    if (caller_cpu_ < 0) return;
    cpu_set_t others = allowed_;
    CPU_CLR(caller_cpu_, &others);
    if (CPU_COUNT(&others) > 0) sched_setaffinity(helper, sizeof others, &others);
  }

  const cpu_set_t allowed_;
  std::mutex mutex_;
  std::vector<pid_t> helpers_;
  int caller_cpu_ = -1;  // written by the caller alone, under the mutex
};

#endif

}  // namespace

std::unique_ptr<Placement> Placement::create([[maybe_unused]] int threads) {
#if defined(__linux__)
  cpu_set_t allowed;
  if (!is_switched_off("LMSPT_SPREAD") && sched_getaffinity(0, sizeof allowed, &allowed) == 0 &&
      CPU_COUNT(&allowed) >= threads) {
    return std::make_unique<SpreadPlacement>(allowed);
  }
#endif
  return std::make_unique<AnyPlacement>();
}

}  // namespace lmspt
