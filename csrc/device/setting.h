// Switches that variables of the environment are.
#pragma once

#include <cstdlib>
#include <cstring>

namespace lmspt {

// What LMSPT_...=0 says of an optimisation.
inline bool is_switched_off(const char* variable) {
  const char* setting = std::getenv(variable);
  return setting && std::strcmp(setting, "0") == 0;
}

}  // namespace lmspt
