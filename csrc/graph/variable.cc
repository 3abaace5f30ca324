#include "graph/variable.h"

#include <atomic>
#include <cstdlib>
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

void Variable::close() {
  std::lock_guard lock(prepared_.mutex);
  prepared_.by_expression.clear();
  buffer_ = {};
}

}  // namespace lmspt
