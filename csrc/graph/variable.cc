#include "graph/variable.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "device/error.h"

namespace lmspt {

Buffer Buffer::allocate(int64_t bytes) {
  const size_t size = (static_cast<size_t>(bytes) + 63) / 64 * 64;
  void* data = std::aligned_alloc(64, size == 0 ? 64 : size);
  if (!data) {
    throw Error(ErrorCode::out_of_memory, "Expected to get " + std::to_string(bytes) +
                                              " bytes of memory, but the system refused; use shorter or "
                                              "smaller inputs, or close what is no longer needed");
  }
  return {data, std::shared_ptr<void>(data, std::free)};
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
