// What the environment says when the library is first used: LMSPT_EMULATED_DEVICES (2), LMSPT_EMULATED_MEMORY (bytes of
// each; 4 GiB), LMSPT_EMULATED_CAPABILITY (9.0).
#pragma once

#include <cstddef>

namespace lmspt::emulation {

struct Settings {
  int devices;
  size_t memory_bytes;
  int major, minor;
};
const Settings& settings();

}  // namespace lmspt::emulation
