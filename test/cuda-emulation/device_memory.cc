#include "cuda-emulation/device_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "cuda-emulation/settings.h"

namespace lmspt::emulation {

DeviceRange device_range;

namespace {

constexpr size_t kApart = 256;  // between allocations, and what they are aligned to
constexpr size_t kPage = 4096;

void* reserve(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

void make_range() {
  if (device_range.size != 0) return;
  const size_t size = kMaxDevices * kDeviceSpace;
  device_range.base = reinterpret_cast<uintptr_t>(reserve(size));
  device_range.bytes = static_cast<uint8_t*>(reserve(size));
  device_range.stamps = static_cast<DeviceStamp*>(reserve(size / 2 * sizeof(DeviceStamp)));
  device_range.size = size;
}

uint8_t* shadow_of(uintptr_t address) { return device_range.bytes + (address - device_range.base); }

// Sets to zero, and gives whole pages back.
void clear(char* memory, size_t bytes) {
  char* first = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(memory) + kPage - 1) / kPage * kPage);
  char* last = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(memory) + bytes) / kPage * kPage);
  if (last <= first + 16 * kPage) {
    std::memset(memory, 0, bytes);
    return;
  }
  std::memset(memory, 0, first - memory);
  std::memset(last, 0, memory + bytes - last);
  madvise(first, last - first, MADV_DONTNEED);
}

size_t rounded(size_t bytes) { return (bytes + kApart - 1) / kApart * kApart; }

}  // namespace

DeviceMemory::DeviceMemory(int device) {
  make_range();
  base_ = device_range.base + device * kDeviceSpace + kApart;
  next_ = base_;
  total_ = settings().memory_bytes;
}

void* DeviceMemory::allocate(size_t bytes) {
  if (bytes == 0 || bytes > total_ || rounded(bytes) > total_ - std::min(used_, total_)) return nullptr;
  const size_t span = rounded(bytes) + kApart;
  const uintptr_t end = base_ - kApart + kDeviceSpace;
  // After `start`, the first gap that is large enough.
  const auto find = [&](uintptr_t start) -> uintptr_t {
    auto next = live_.lower_bound(start);
    if (next != live_.begin()) {
      const auto before = std::prev(next);
      start = std::max(start, before->first + rounded(before->second) + kApart);
    }
    for (; next != live_.end() && start + span > next->first; ++next) {
      start = next->first + rounded(next->second) + kApart;
    }
    return start + span <= end ? start : 0;
  };
  uintptr_t address = find(next_);
  if (address == 0) address = find(base_);
  if (address == 0) return nullptr;
  live_[address] = bytes;
  used_ += rounded(bytes);
  next_ = address + span;
  std::memset(shadow_of(address), static_cast<int>(Byte::unwritten), bytes);
  return reinterpret_cast<void*>(address);
}

bool DeviceMemory::release(void* memory) {
  const auto found = live_.find(reinterpret_cast<uintptr_t>(memory));
  if (found == live_.end()) return false;
  const auto [address, bytes] = *found;
  clear(static_cast<char*>(memory), bytes);
  clear(reinterpret_cast<char*>(shadow_of(address)), bytes);
  used_ -= rounded(bytes);
  live_.erase(found);
  return true;
}

void DeviceMemory::release_all() {
  while (!live_.empty()) release(reinterpret_cast<void*>(live_.begin()->first));
}

std::string DeviceMemory::describe(uintptr_t address) const {
  const auto next = live_.upper_bound(address);
  if (next == live_.begin()) return "before every allocation";
  const auto [start, bytes] = *std::prev(next);
  const auto of = " of an allocation of " + std::to_string(bytes) + " bytes";
  if (address < start + bytes) return std::to_string(address - start) + " bytes after the start" + of;
  const size_t beyond = address - (start + bytes);
  if (next != live_.end() && next->first - address < beyond) {
    return std::to_string(next->first - address) + " bytes before an allocation of " + std::to_string(next->second) +
           " bytes";
  }
  return std::to_string(beyond) + " bytes after the end" + of;
}

std::string check_device_bytes(const void* memory, size_t bytes, bool reads) {
  const uint8_t* shadow = shadow_of(reinterpret_cast<uintptr_t>(memory));
  for (size_t i = 0; i < bytes; ++i) {
    if (shadow[i] == static_cast<uint8_t>(Byte::unowned)) return "byte " + std::to_string(i) + " lies in no allocation";
    if (reads && shadow[i] != static_cast<uint8_t>(Byte::written)) {
      return "byte " + std::to_string(i) + " was never written";
    }
  }
  return {};
}

void mark_unwritten(const void* memory, size_t bytes) {
  std::memset(shadow_of(reinterpret_cast<uintptr_t>(memory)), static_cast<int>(Byte::unwritten), bytes);
}

void mark_written(const void* memory, size_t bytes) {
  std::memset(shadow_of(reinterpret_cast<uintptr_t>(memory)), static_cast<int>(Byte::written), bytes);
}

}  // namespace lmspt::emulation
