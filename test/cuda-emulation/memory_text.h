// What addresses are, for messages.
#pragma once

#include <cstdint>
#include <string>

namespace lmspt::emulation {

std::string describe_device_address(uintptr_t address);
std::string describe_shared_address(uintptr_t address);

}  // namespace lmspt::emulation
