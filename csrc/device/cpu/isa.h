// CPU variants: every *_cpu.cc file is compiled once for each of them, inside a namespace of the variant's name.
// Such files must not use standard library templates, whose instantiations the linker would share among variants.
#pragma once

#include <string>

namespace lmspt {

enum class Isa { portable, avx2, avx512 };

const char* isa_name(Isa isa);
bool isa_supported(Isa isa);  // compiled in, and the processor and the system have it
Isa best_isa();
Isa isa_from_name(const std::string& name);  // throws for an unknown name or one this machine lacks
std::string cpu_description();               // the processor's name and its features of interest

}  // namespace lmspt
