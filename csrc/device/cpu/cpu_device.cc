#include "device/cpu/cpu_device.h"

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "device/cpu/thread_pool.h"
#include "device/error.h"
#include "gemm/bf16_units.h"
#include "graph/registry.h"
#include "graph/variable.h"

namespace lmspt {

namespace {

// Memory for the values of the one plan that runs; every plan of the device shares it.
class Arena {
 public:
  void* get(size_t bytes) {
    if (bytes > bytes_ || !buffer_.data) {
      buffer_ = {};
      bytes_ = 0;
      buffer_ = Buffer::allocate(static_cast<int64_t>(bytes));
      bytes_ = bytes;
    }
    return buffer_.data;
  }

 private:
  Buffer buffer_;
  size_t bytes_ = 0;
};

// Everything is done when the call for it returns.
class CpuSession final : public Session {
 public:
  CpuSession(Device& device, Arena& arena) : device_(device), arena_(arena) {}
  void* begin(size_t arena_bytes, size_t, bool) override { return arena_.get(arena_bytes); }
  void upload(void* target, const void* host, size_t bytes) override { std::memcpy(target, host, bytes); }
  KernelContext context() override { return device_.context(); }
  void work(const std::function<void()>& steps) override { steps(); }
  void download(void* host, const void* source, size_t bytes) override { std::memcpy(host, source, bytes); }
  void wait() override {}
  double time(const std::function<void()>& steps) override {
    const auto start = std::chrono::steady_clock::now();
    steps();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }
  void end() override {}
  bool is_under_way() const override { return false; }
  void finish() override {}
  void abandon() override {}

 private:
  Device& device_;
  Arena& arena_;
};

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(const CpuOptions& options)
      : isa_(options.isa),
        bf16_(bf16_unit(options.isa)),
        pool_(ThreadPool::create(options.threads > 0 ? options.threads : available_threads())),
        description_(std::string(isa_name(isa_)) + ", " + std::to_string(pool_->threads()) + " threads") {
    static std::atomic<uint64_t> next{1};
    id_ = next++;
  }

  const char* kind() const override { return "cpu"; }
  const char* description() const override { return description_.c_str(); }
  uint64_t id() const override { return id_; }
  Kernel kernel(const char* op) const override { return Registry::get().cpu_kernel(isa_, op); }
  bool is_host() const override { return true; }

  // Split products where they are faster than float32, which is more exact; float32 elsewhere.
  Precision arithmetic(Precision asked) const override {
    if (asked == Precision::tf32) return Precision::inherit;
    return asked == Precision::bf16x3 && !bf16_.split_description ? Precision::fp32 : asked;
  }
  const char* arithmetic_description(Precision asked) const override { return cpu_arithmetic_description(isa_, asked); }

  void* allocate(size_t bytes) override {
    void* memory = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory) throw Error(ErrorCode::out_of_memory, "Expected to get " + std::to_string(bytes) + " bytes");
    return memory;
  }
  void release(void* memory) override { std::free(memory); }
  void upload(void* device, const void* host, size_t bytes) override { std::memcpy(device, host, bytes); }
  void download(void* host, const void* device, size_t bytes) override { std::memcpy(host, device, bytes); }

  std::unique_ptr<Session> session() override { return std::make_unique<CpuSession>(*this, arena_); }

  KernelContext context() override {
    KernelContext context{};
    context.pool = pool_.get();
    context.bf16 = &bf16_;
    return context;
  }

 private:
  Isa isa_;
  const Bf16Unit& bf16_;
  std::unique_ptr<ThreadPool> pool_;
  std::string description_;
  uint64_t id_;
  Arena arena_;
};

}  // namespace

int available_threads() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

const char* cpu_arithmetic_description(Isa isa, Precision asked) {
  const Bf16Unit& unit = bf16_unit(isa);
  if (asked == Precision::bf16) return unit.description;
  if (asked == Precision::fp32) return "float32";
  return unit.split_description ? unit.split_description
                                : "float32 (on this CPU faster than three bf16 products, and more exact)";
}

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) { return std::make_unique<CpuDevice>(options); }

}  // namespace lmspt
