// CPU variants: every *_cpu.cc file is compiled once for portable, avx2 and avx512, inside a namespace of the variant's
// name. Such files must not use standard library templates, whose instantiations the linker would share among variants.
// The other variants differ from one of these in how they multiply bf16 matrices alone (gemm/bf16_units.h).
#pragma once

#include <string>
#include <vector>

namespace lmspt {

enum class Isa { portable, avx2, avx512, avx512bf16, amx, amx_emulated };

const char* isa_name(Isa isa);
bool isa_supported(Isa isa);  // compiled in, and the processor and the system have it
Isa kernel_isa(Isa isa);      // whose kernels it has
Isa best_isa();
std::vector<Isa> isas_here();                // the supported ones, best first, but those for tests
Isa isa_from_name(const std::string& name);  // throws for an unknown name or one this machine lacks
std::string cpu_description();               // the processor's name

}  // namespace lmspt
