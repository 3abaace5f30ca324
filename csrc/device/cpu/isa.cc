#include "device/cpu/isa.h"

#include <fstream>
#include <string>

#include "device/error.h"

namespace lmspt {

namespace {
constexpr Isa kAll[] = {Isa::avx512, Isa::avx2, Isa::portable};
}

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::portable: return "portable";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
  }
  return "unknown";
}

bool isa_supported(Isa isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  switch (isa) {
    case Isa::portable: return true;
    case Isa::avx2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  }
#endif
  return isa == Isa::portable;
}

Isa best_isa() {
  for (Isa isa : kAll) {
    if (isa_supported(isa)) return isa;
  }
  return Isa::portable;
}

Isa isa_from_name(const std::string& name) {
  std::string available;
  for (Isa isa : kAll) {
    if (!isa_supported(isa)) continue;
    if (name == isa_name(isa)) return isa;
    available += (available.empty() ? "" : ", ") + std::string(isa_name(isa));
  }
  throw Error(ErrorCode::device, "Expected the CPU variant (LMSPT_CPU) to be one of " + available +
                                     " on this machine but received " + name);
}

std::string cpu_description() {
  std::string model = "unknown processor";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
  return model;
}

}  // namespace lmspt
