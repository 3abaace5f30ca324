#include "graph/variable.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "device/error.h"

// Large buffers have pages of their own, so that all of their memory goes back to the system: in the heap, buffers of
// changing sizes leave holes. Sanitizers watch the heap alone.
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
#define LMSPT_OWN_PAGES 1
#include <sys/mman.h>
#endif

namespace lmspt {

namespace {

std::shared_ptr<void> allocate_memory(size_t size) {
#if defined(LMSPT_OWN_PAGES)
  constexpr size_t kLeastOwnPages = 1 << 16;
  if (size >= kLeastOwnPages) {
    void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) return nullptr;
    // Weights are packed at the first call: with small pages, a quarter of that time would be page faults.
    constexpr size_t kLeastHugePages = 4 << 20;
    if (size >= kLeastHugePages) madvise(data, size, MADV_HUGEPAGE);
    return std::shared_ptr<void>(data, [size](void* pages) { munmap(pages, size); });
  }
#endif
  return std::shared_ptr<void>(std::aligned_alloc(64, size == 0 ? 64 : size), std::free);
}

}  // namespace

Buffer Buffer::allocate(int64_t bytes) {
  std::shared_ptr<void> memory = allocate_memory((static_cast<size_t>(bytes) + 63) / 64 * 64);
  if (!memory) {
    throw Error(ErrorCode::out_of_memory, "Expected to get " + std::to_string(bytes) +
                                              " bytes of memory, but the system refused; use shorter or "
                                              "smaller inputs, or close what is no longer needed");
  }
  void* data = memory.get();
  return {data, std::move(memory)};
}

Variable::Variable(DType dtype, const Shape& shape, Buffer buffer, bool frozen)
    : dtype_(dtype), shape_(shape), buffer_(std::move(buffer)), frozen_(frozen) {
  static std::atomic<uint64_t> next{1};
  id_ = next++;
}

void* Variable::data() const {
  if (!buffer_.data) throw Error(ErrorCode::closed, "The variable is closed");
  expect_on_host();
  return buffer_.data;
}

void Variable::expect_on_host() const {
  if (host_version_ == version_) return;
  throw Error(ErrorCode::device,
              "The variable's newest values lie on the device that updated them; read them through that device");
}

Variable::Mirror& Variable::mirror(const std::shared_ptr<Device>& device) {
  std::lock_guard lock(mirrors_mutex_);
  Mirror& mirror = mirrors_[device->id()];
  if (!mirror.memory.data) {
    void* memory = device->allocate(std::max<int64_t>(bytes(), 64));
    mirror.device = device;
    mirror.memory = {memory, std::shared_ptr<void>(memory, [device](void* p) { device->release(p); })};
  }
  return mirror;
}

void Variable::bring_to(Mirror& mirror) {
  if (mirror.version == version_) return;
  mirror.device->upload(mirror.memory.data, data(), bytes());
  mirror.version = version_;
}

void Variable::bring_to_host(Mirror& mirror) {
  if (mirror.version != version_ || host_version_ == version_) return;
  mirror.device->download(buffer_.data, mirror.memory.data, bytes());
  host_version_ = mirror.version;
}

void Variable::changed_in(Mirror& mirror) { mirror.version = ++version_; }

void Variable::write(const void* values) {
  if (!buffer_.data) throw Error(ErrorCode::closed, "The variable is closed");
  std::memcpy(buffer_.data, values, bytes());
  changed_on_host();
}

void Variable::changed_on_host() { host_version_ = ++version_; }

void Variable::close() {
  std::lock_guard lock(prepared_.mutex);
  prepared_.by_expression.clear();
  buffer_ = {};
}

}  // namespace lmspt
