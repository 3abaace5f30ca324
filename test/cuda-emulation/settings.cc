#include "cuda-emulation/settings.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "cuda-emulation/device_memory.h"

namespace lmspt::emulation {

const Settings& settings() {
  static const Settings found = [] {
    Settings settings{2, size_t{4} << 30, 9, 0};
    if (const char* text = std::getenv("LMSPT_EMULATED_DEVICES")) settings.devices = std::atoi(text);
    if (const char* text = std::getenv("LMSPT_EMULATED_MEMORY"))
      settings.memory_bytes = std::strtoull(text, nullptr, 10);
    if (const char* text = std::getenv("LMSPT_EMULATED_CAPABILITY")) {
      std::sscanf(text, "%d.%d", &settings.major, &settings.minor);
    }
    settings.devices = std::clamp(settings.devices, 0, kMaxDevices);
    settings.memory_bytes = std::min(settings.memory_bytes, kDeviceSpace / 2);
    return settings;
  }();
  return found;
}

}  // namespace lmspt::emulation
