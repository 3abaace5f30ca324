// A tensor that outlives plans: a model's parameter or an optimizer's state. Its memory is its own or a mapped file's.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "device/device.h"
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
  bool frozen() const { return frozen_; }
  uint64_t id() const { return id_; }
  int64_t bytes() const { return shape_.count() * kElementSize; }

  // In host memory. Throws where the newest values lie on a device, and where the variable is closed.
  void* data() const;

  // A copy on a device whose kernels do not read host memory.
  struct Mirror {
    std::shared_ptr<Device> device;
    Buffer memory;
    uint64_t version = 0;  // of the values that it holds
  };
  Mirror& mirror(const std::shared_ptr<Device>& device);  // these four belong to that device's thread
  void bring_to(Mirror& mirror);                          // throws where the newest values lie on another device
  void bring_to_host(Mirror& mirror);                     // where they lie in the mirror
  void changed_in(Mirror& mirror);

  void write(const void* values);  // on the host
  void changed_on_host();
  void expect_on_host() const;  // throws where the newest values lie on a device

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
  std::atomic<uint64_t> version_{1};       // of the newest values
  std::atomic<uint64_t> host_version_{1};  // of those in host memory
  std::map<uint64_t, Mirror> mirrors_;     // by device
  std::mutex mirrors_mutex_;
  Prepared prepared_;
};

}  // namespace lmspt
