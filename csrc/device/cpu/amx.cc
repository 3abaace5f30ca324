#include "device/cpu/amx.h"

#include <cstdint>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace lmspt {

#if defined(__x86_64__) && defined(__linux__)

namespace {

bool processor_has_amx() {
  constexpr uint32_t kBf16 = 1u << 22, kTile = 1u << 24;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kBf16) && (d & kTile);
}

bool system_saves_tiles() {
  constexpr uint32_t kXsave = 1u << 27, kTileState = 3u << 17;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kXsave)) return false;
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kTileState) == kTileState;
}

bool tiles_permitted() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool amx_usable() {
  static const bool usable = processor_has_amx() && system_saves_tiles() && tiles_permitted();
  return usable;
}

#else

bool amx_usable() { return false; }

#endif

}  // namespace lmspt
