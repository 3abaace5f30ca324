// Names of addresses in the library's code, for messages.
#pragma once

#include <cstdint>
#include <string>

namespace lmspt::emulation {

// "void lmspt::cuda::(anonymous namespace)::rows_kernel<...>(...)", without parameters
std::string function_name(const void* code);
// "function (file.cu:12)"; the line where addr2line is at hand
std::string source_place(const void* code);

// "12 bytes into tile of a function": the variable that holds an address
std::string object_name(const void* address);

// The writable data of the module that holds `inside`: where static variables, hence __shared__ arrays, lie.
struct AddressRange {
  uintptr_t base = 0;
  size_t size = 0;
};
AddressRange writable_data(const void* inside);
// All of that module in memory, constants included.
AddressRange whole_module(const void* inside);

}  // namespace lmspt::emulation
