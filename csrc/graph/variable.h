// A tensor that outlives plans: a model's parameter or an optimizer's state. Its memory is its own or a mapped file's.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "device/tensor.h"

namespace lmspt {

// Memory that may be shared: `owner` keeps it alive.
struct Buffer {
  void* data = nullptr;
  std::shared_ptr<void> owner;

  static Buffer allocate(int64_t bytes);  // 64-byte aligned; throws out_of_memory naming the size
};

class Variable {
 public:
  // A frozen variable never changes, so that what depends on frozen variables alone is computed once.
  Variable(DType dtype, const Shape& shape, Buffer buffer, bool frozen);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  const Buffer& buffer() const { return buffer_; }
  void* data() const { return buffer_.data; }
  bool frozen() const { return frozen_; }
  uint64_t id() const { return id_; }
  int64_t bytes() const { return shape_.count() * kElementSize; }

  // Gives the memory back, where no plan uses it; the variable can no longer be used.
  void close();

  // Results computed from this (and other) frozen variables, for instance packed weights; they live as long as it does.
  struct Prepared {
    std::mutex mutex;
    std::map<std::string, Buffer> by_expression;
  };
  Prepared& prepared() { return prepared_; }

 private:
  DType dtype_;
  Shape shape_;
  Buffer buffer_;
  bool frozen_;
  uint64_t id_;
  Prepared prepared_;
};

}  // namespace lmspt
