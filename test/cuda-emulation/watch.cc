// Checks every access of kernels to memory. Kernels' sources are compiled with the compiler's instrumentation for
// ThreadSanitizer and UndefinedBehaviorSanitizer; the functions that it calls are defined here instead of linking
// those.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cuda-emulation/block.h"
#include "cuda-emulation/memory_text.h"

namespace lmspt::emulation {

namespace {

constexpr uint16_t kSeveral = 0x8000;  // readers of one warp, whose number is in the other bits
constexpr uint16_t kMany = 0xffff;     // readers of more than one

std::string size_text(size_t bytes) { return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes"); }

// ---- device memory ----

[[noreturn]] void device_fault(const char* action, uintptr_t address, size_t bytes, const void* code) {
  watching = false;
  const uint8_t* shadow = device_range.bytes + (address - device_range.base);
  bool owned = true;
  for (size_t i = 0; i < bytes; ++i) owned &= shadow[i] != static_cast<uint8_t>(Byte::unowned);
  const std::string place = describe_device_address(address);
  if (!owned)
    raise(FaultKind::address, std::string(action) + " of " + size_text(bytes) + " of device memory, " + place, code);
  raise(FaultKind::other, "read of " + size_text(bytes) + " of device memory that was never written, " + place, code);
}

[[noreturn]] void device_race(const char* action, const char* other, uint32_t moment, uintptr_t address, size_t bytes,
                              const void* code) {
  watching = false;
  const bool same_block = moment >> kThreadBits >= block.first_interval;
  const std::string who =
      same_block ? "thread number " + std::to_string(moment % kMaxThreads) + " " + other + " with no barrier in between"
                 : "another block of this launch " + std::string(other);
  raise(FaultKind::other,
        std::string(same_block ? "race: " : "") + action + " of " + size_text(bytes) + " of device memory that " + who +
            ", " + describe_device_address(address),
        code);
}

inline uint32_t present_moment() { return block.interval << kThreadBits | block.current->index; }

// Whether nothing orders what was done at a moment before what the current thread does now. Threads of a warp count as
// ordered among each other.
inline bool unordered_moment(uint32_t moment) {
  if (moment <= block.launch_start) return false;
  const uint32_t interval = moment >> kThreadBits;
  if (interval < block.first_interval) return true;
  return interval == block.interval && moment % kMaxThreads / kLanes != block.current->warp;
}

inline bool all_equal(const uint8_t* shadow, size_t bytes, uint8_t value) {
  if (bytes == 4) {
    uint32_t word;
    std::memcpy(&word, shadow, 4);
    return word == value * 0x01010101u;
  }
  for (size_t i = 0; i < bytes; ++i) {
    if (shadow[i] != value) return false;
  }
  return true;
}

inline void read_device(uintptr_t address, size_t bytes, const void* code) {
  const size_t offset = address - device_range.base;
  if (__builtin_expect(!all_equal(device_range.bytes + offset, bytes, static_cast<uint8_t>(Byte::written)), 0)) {
    device_fault("read", address, bytes, code);
  }
  DeviceStamp* stamp = device_range.stamps + offset / 2;
  DeviceStamp* last = device_range.stamps + (offset + bytes - 1) / 2;
  for (; stamp <= last; ++stamp) {
    if (__builtin_expect(unordered_moment(stamp->written), 0)) {
      device_race("read", "wrote", stamp->written, address, bytes, code);
    }
    // A reader whom others have to wait for is the better one to remember.
    if (!unordered_moment(stamp->read)) stamp->read = present_moment();
  }
}

inline void write_device(uintptr_t address, size_t bytes, const void* code) {
  const size_t offset = address - device_range.base;
  uint8_t* shadow = device_range.bytes + offset;
  if (!all_equal(shadow, bytes, static_cast<uint8_t>(Byte::written))) {
    for (size_t i = 0; i < bytes; ++i) {
      if (shadow[i] == static_cast<uint8_t>(Byte::unowned)) device_fault("write", address, bytes, code);
    }
    std::memset(shadow, static_cast<int>(Byte::written), bytes);
  }
  DeviceStamp* stamp = device_range.stamps + offset / 2;
  DeviceStamp* last = device_range.stamps + (offset + bytes - 1) / 2;
  for (; stamp <= last; ++stamp) {
    if (bytes > 1) {  // a stamp stands for two
      if (__builtin_expect(unordered_moment(stamp->written), 0)) {
        device_race("write", "wrote", stamp->written, address, bytes, code);
      }
      if (__builtin_expect(unordered_moment(stamp->read), 0)) {
        device_race("write", "read", stamp->read, address, bytes, code);
      }
    }
    stamp->written = present_moment();
  }
}

// ---- shared memory ----

[[noreturn]] void shared_race(const char* action, const char* other, uint16_t who, uintptr_t address, size_t bytes,
                              const void* code) {
  watching = false;
  std::string name = "other threads";
  if (who != kMany) {
    name =
        who & kSeveral ? "threads of warp " + std::to_string(who & ~kSeveral) : "thread number " + std::to_string(who);
  }
  raise(FaultKind::other,
        std::string("race: ") + action + " of " + size_text(bytes) + " of shared memory at " +
            describe_shared_address(address) + " that " + name + " " + other + " with no barrier in between",
        code);
}

[[noreturn]] void shared_unwritten(uintptr_t address, size_t bytes, const void* code) {
  watching = false;
  raise(FaultKind::other,
        "read of " + size_text(bytes) + " of shared memory that was never written, or is being copied to, at " +
            describe_shared_address(address),
        code);
}

// Whether nothing orders what thread `other` did at `step` before what the current one does, in the same epoch.
inline bool unordered(uint16_t other, uint16_t step) {
  const Thread& thread = *block.current;
  return other != thread.index && (other / kLanes != thread.warp || step == block.step[thread.warp]);
}

// 0, or what is wrong: 1 unwritten, 2 race
inline int read_cell(SharedCell& cell) {
  const Thread& thread = *block.current;
  const uint16_t step = block.step[thread.warp];
  if (cell.write_epoch < block.first_epoch) return 1;
  if (cell.write_epoch == block.epoch && unordered(cell.writer, cell.write_step)) return 2;
  if (cell.read_epoch != block.epoch) {
    cell.read_epoch = block.epoch;
    cell.reader = thread.index;
    cell.read_step = step;
  } else if (cell.reader == thread.index) {
    cell.read_step = step;
  } else if (cell.reader != kMany) {
    const int warp = cell.reader & kSeveral ? cell.reader & ~kSeveral : cell.reader / kLanes;
    if (warp != thread.warp) {
      cell.reader = kMany;
    } else if (cell.read_step != step) {
      cell.reader = thread.index;
      cell.read_step = step;
    } else {
      cell.reader = static_cast<uint16_t>(kSeveral | warp);
    }
  }
  return 0;
}

// 0, or what is wrong: 2 written, 3 read by another thread
inline int write_cell(SharedCell& cell) {
  const Thread& thread = *block.current;
  const uint16_t step = block.step[thread.warp];
  if (cell.write_epoch == block.epoch && unordered(cell.writer, cell.write_step)) return 2;
  if (cell.read_epoch == block.epoch && cell.reader != thread.index) {
    if (cell.reader == kMany) return 3;
    const int warp = cell.reader & kSeveral ? cell.reader & ~kSeveral : cell.reader / kLanes;
    if (warp != thread.warp || cell.read_step == step) return 3;
  }
  cell.write_epoch = block.epoch;
  cell.writer = thread.index;
  cell.write_step = step;
  return 0;
}

inline void read_shared(SharedCell* cells, size_t offset, uintptr_t address, size_t bytes, const void* code) {
  SharedCell* last = cells + (offset + bytes - 1) / 2;
  for (SharedCell* cell = cells + offset / 2; cell <= last; ++cell) {
    const int wrong = read_cell(*cell);
    if (__builtin_expect(wrong == 1, 0)) shared_unwritten(address, bytes, code);
    if (__builtin_expect(wrong == 2, 0)) shared_race("read", "wrote", cell->writer, address, bytes, code);
  }
}

inline void write_shared(SharedCell* cells, size_t offset, uintptr_t address, size_t bytes, const void* code) {
  SharedCell* last = cells + (offset + bytes - 1) / 2;
  for (SharedCell* cell = cells + offset / 2; cell <= last; ++cell) {
    const int wrong = write_cell(*cell);
    if (__builtin_expect(wrong == 2, 0)) shared_race("write", "wrote", cell->writer, address, bytes, code);
    if (__builtin_expect(wrong == 3, 0)) shared_race("write", "read", cell->reader, address, bytes, code);
  }
}

[[noreturn]] void nowhere(const char* action, uintptr_t address, size_t bytes, const void* code) {
  watching = false;
  std::string what = std::string(action) + " of " + size_text(bytes);
  if (address - reach.dynamic < kMaxShared) {
    what += ", " + std::to_string(address - reach.dynamic) + " bytes after the start of " +
            std::to_string(reach.dynamic_size) + " bytes of dynamic shared memory";
  } else {
    char text[64];
    std::snprintf(text, sizeof text, " at 0x%lx", static_cast<unsigned long>(address));
    what += std::string(text) + ", which is neither device memory nor shared memory nor the thread's own";
  }
  raise(FaultKind::address, what, code);
}

// ---- any memory ----

inline void read_any(const void* pointer, size_t bytes, const void* code) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(pointer);
  if (address - device_range.base < device_range.size) {
    read_device(address, bytes, code);
  } else if (address - reach.stacks < reach.stacks_size) {
  } else if (address - reach.statics < reach.statics_size) {
    read_shared(reach.static_cells, address - reach.statics, address, bytes, code);
  } else if (address - reach.dynamic < reach.dynamic_size && address - reach.dynamic + bytes <= reach.dynamic_size) {
    read_shared(reach.dynamic_cells, address - reach.dynamic, address, bytes, code);
  } else if (address - reach.parameters >= reach.parameters_size && address - reach.module >= reach.module_size) {
    nowhere("read", address, bytes, code);
  }
}

inline void write_any(const void* pointer, size_t bytes, const void* code) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(pointer);
  if (address - device_range.base < device_range.size) {
    write_device(address, bytes, code);
  } else if (address - reach.stacks < reach.stacks_size) {
  } else if (address - reach.statics < reach.statics_size) {
    write_shared(reach.static_cells, address - reach.statics, address, bytes, code);
  } else if (address - reach.dynamic < reach.dynamic_size && address - reach.dynamic + bytes <= reach.dynamic_size) {
    write_shared(reach.dynamic_cells, address - reach.dynamic, address, bytes, code);
  } else {
    nowhere("write", address, bytes, code);
  }
}

SharedCell* shared_cell(uintptr_t address) {
  if (address - reach.statics < reach.statics_size) return reach.static_cells + (address - reach.statics) / 2;
  if (address - reach.dynamic < reach.dynamic_size) return reach.dynamic_cells + (address - reach.dynamic) / 2;
  return nullptr;
}

}  // namespace

void on_read(const void* address, size_t bytes, const void* code) { read_any(address, bytes, code); }
void on_write(const void* address, size_t bytes, const void* code) { write_any(address, bytes, code); }

// Atomics of several threads or blocks do not race with each other. In shared memory they do with everything else; the
// sums of atomics alone are kept apart by a writer of their own.
void on_atomic(const void* pointer, size_t bytes, const void* code) {
  constexpr uint16_t kAtomic = 0x4000;
  const uintptr_t address = reinterpret_cast<uintptr_t>(pointer);
  if (address % bytes != 0) raise(FaultKind::misaligned, "atomic access to a misaligned address", code);
  if (is_device_address(pointer)) {
    const uint8_t* shadow = device_range.bytes + (address - device_range.base);
    if (!all_equal(shadow, bytes, static_cast<uint8_t>(Byte::written))) device_fault("read", address, bytes, code);
    return;
  }
  SharedCell* cell = shared_cell(address);
  if (!cell) nowhere("atomic access", address, bytes, code);
  for (SharedCell* end = cell + bytes / 2; cell < end; ++cell) {
    if (cell->write_epoch < block.first_epoch) shared_unwritten(address, bytes, code);
    if (cell->write_epoch == block.epoch && cell->writer == kAtomic) continue;
    if (cell->write_epoch == block.epoch && unordered(cell->writer, cell->write_step)) {
      shared_race("atomic access", "wrote", cell->writer, address, bytes, code);
    }
    if (cell->read_epoch == block.epoch && cell->reader != block.current->index) {
      shared_race("atomic access", "read", cell->reader, address, bytes, code);
    }
    cell->write_epoch = block.epoch;
    cell->writer = kAtomic;
  }
}

void on_copy_start(void* target, size_t bytes, const void* code) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(target);
  SharedCell* cell = shared_cell(address);
  if (!cell || !shared_cell(address + bytes - 1)) {
    raise(FaultKind::address, "asynchronous copy to what is not shared memory", code);
  }
  write_any(target, bytes, code);
  for (size_t i = 0; i < bytes / 2; ++i) cell[i].write_epoch = 0;
}

}  // namespace lmspt::emulation

// ---- what the instrumentation calls ----

using namespace lmspt::emulation;

#define LMSPT_CODE __builtin_return_address(0)
#define LMSPT_WATCH(suffix, bytes)                       \
  void __tsan_read##suffix(void* address) {              \
    if (watching) read_any(address, bytes, LMSPT_CODE);  \
  }                                                      \
  void __tsan_write##suffix(void* address) {             \
    if (watching) write_any(address, bytes, LMSPT_CODE); \
  }
#define LMSPT_WATCH_BOTH(bytes)                          \
  LMSPT_WATCH(bytes, bytes)                              \
  void __tsan_unaligned_read##bytes(void* address) {     \
    if (watching) read_any(address, bytes, LMSPT_CODE);  \
  }                                                      \
  void __tsan_unaligned_write##bytes(void* address) {    \
    if (watching) write_any(address, bytes, LMSPT_CODE); \
  }

// Of kernels' own atomics there are none; launchers, which run unwatched, may have some.
#define LMSPT_ATOMICS(bits, type)                                                                               \
  type __tsan_atomic##bits##_load(const volatile type* a, int) { return __atomic_load_n(a, __ATOMIC_SEQ_CST); } \
  void __tsan_atomic##bits##_store(volatile type* a, type v, int) { __atomic_store_n(a, v, __ATOMIC_SEQ_CST); } \
  type __tsan_atomic##bits##_exchange(volatile type* a, type v, int) {                                          \
    return __atomic_exchange_n(a, v, __ATOMIC_SEQ_CST);                                                         \
  }                                                                                                             \
  type __tsan_atomic##bits##_fetch_add(volatile type* a, type v, int) {                                         \
    return __atomic_fetch_add(a, v, __ATOMIC_SEQ_CST);                                                          \
  }                                                                                                             \
  type __tsan_atomic##bits##_fetch_sub(volatile type* a, type v, int) {                                         \
    return __atomic_fetch_sub(a, v, __ATOMIC_SEQ_CST);                                                          \
  }                                                                                                             \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type* a, type* c, type v, int, int) {              \
    return __atomic_compare_exchange_n(a, c, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                     \
  }

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void*, void*) {}
void __tsan_vptr_read(void*) {}
LMSPT_WATCH(1, 1)
LMSPT_WATCH_BOTH(2)
LMSPT_WATCH_BOTH(4)
LMSPT_WATCH_BOTH(8)
LMSPT_WATCH_BOTH(16)
void __tsan_read_range(void* address, unsigned long bytes) {
  if (watching && bytes > 0) read_any(address, bytes, LMSPT_CODE);
}
void __tsan_write_range(void* address, unsigned long bytes) {
  if (watching && bytes > 0) write_any(address, bytes, LMSPT_CODE);
}
LMSPT_ATOMICS(8, unsigned char)
LMSPT_ATOMICS(16, unsigned short)
LMSPT_ATOMICS(32, unsigned)
LMSPT_ATOMICS(64, unsigned long)
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

// The layouts are those of the compiler's interface.
struct UndefinedPlace {
  const char* file;
  uint32_t line, column;
};
struct TypeMismatch {
  UndefinedPlace place;
  const void* type;
  unsigned char log_alignment, kind;
};
struct OutOfBounds {
  UndefinedPlace place;
  const void* array_type;
  const void* index_type;
};

static std::string text_of(const UndefinedPlace& place) {
  const char* slash = std::strrchr(place.file, '/');
  return std::string(slash ? slash + 1 : place.file) + ":" + std::to_string(place.line);
}

static void report(FaultKind kind, const std::string& what) {
  if (watching) raise(kind, what);
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

void __ubsan_handle_type_mismatch_v1(TypeMismatch* data, void* address) {
  const size_t alignment = size_t{1} << data->log_alignment;
  const bool was_watching = watching;
  watching = false;
  const std::string what = "access to a misaligned address, " +
                           std::to_string(reinterpret_cast<uintptr_t>(address) % alignment) +
                           " bytes past a multiple of " + std::to_string(alignment) + ", at " + text_of(data->place);
  watching = was_watching;
  report(FaultKind::misaligned, what);
}
void __ubsan_handle_out_of_bounds(OutOfBounds* data, void* index) {
  const bool was_watching = watching;
  watching = false;
  const std::string what = "index " + std::to_string(reinterpret_cast<intptr_t>(index)) +
                           " lies outside of its array, at " + text_of(data->place);
  watching = was_watching;
  report(FaultKind::address, what);
}
}
