// The memory of the emulated devices: one reserved range of addresses, a part for each device, and beside it what is
// known of every byte. Allocations lie apart, so that an access beyond one meets memory that nobody owns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace lmspt::emulation {

constexpr int kMaxDevices = 4;
constexpr size_t kDeviceSpace = size_t{8} << 30;  // of addresses, for each device

enum class Byte : uint8_t { unowned = 0, unwritten = 1, written = 2 };

// Who wrote and who read two neighbouring bytes last: moments of block.h. 0: nobody.
struct DeviceStamp {
  uint32_t written, read;
};

struct DeviceRange {
  uintptr_t base = 0;
  size_t size = 0;
  uint8_t* bytes = nullptr;
  DeviceStamp* stamps = nullptr;
};
extern DeviceRange device_range;

class DeviceMemory {
 public:
  explicit DeviceMemory(int device);

  void* allocate(size_t bytes);  // null where it does not fit
  bool release(void* memory);    // false where that is no allocation
  void release_all();

  size_t total() const { return total_; }
  size_t used() const { return used_; }
  int64_t allocations() const { return static_cast<int64_t>(live_.size()); }
  void set_total(size_t bytes) { total_ = bytes; }

  // What lies at an address, for people.
  std::string describe(uintptr_t address) const;

 private:
  uintptr_t base_;
  uintptr_t next_;  // where to look first, so that what was freed is not soon used again
  size_t total_;
  size_t used_ = 0;
  std::map<uintptr_t, size_t> live_;  // by address
};

// What is wrong with an access from outside kernels; empty where nothing is.
std::string check_device_bytes(const void* memory, size_t bytes, bool reads);
void mark_written(const void* memory, size_t bytes);
void mark_unwritten(const void* memory, size_t bytes);
// Whether an address belongs to any emulated device.
inline bool is_device_address(const void* memory) {
  return reinterpret_cast<uintptr_t>(memory) - device_range.base < device_range.size;
}

}  // namespace lmspt::emulation
