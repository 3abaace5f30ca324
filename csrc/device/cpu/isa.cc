#include "device/cpu/isa.h"

#include <fstream>
#include <string>
#include <utility>

#include "device/cpu/amx.h"
#include "device/error.h"

namespace lmspt {

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::portable: return "portable";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
    case Isa::avx512bf16: return "avx512bf16";
    case Isa::amx: return "amx";
    case Isa::amx_emulated: return "amx-emulated";
  }
  return "unknown";
}

Isa kernel_isa(Isa isa) {
  if (isa == Isa::avx512bf16 || isa == Isa::amx) return Isa::avx512;
  return isa == Isa::amx_emulated ? Isa::portable : isa;
}

bool isa_supported(Isa isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  switch (isa) {
    case Isa::portable:
    case Isa::amx_emulated: return true;
    case Isa::avx2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    case Isa::avx512bf16: return isa_supported(Isa::avx512) && __builtin_cpu_supports("avx512bf16");
    case Isa::amx: return isa_supported(Isa::avx512bf16) && amx_usable();
  }
#endif
  return isa == Isa::portable || isa == Isa::amx_emulated;
}

namespace {

// Intel's AVX512-BF16 has half the rate of its float32 arithmetic, AMD's twice.
bool is_avx512bf16_fast() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return !__builtin_cpu_is("intel");
#else
  return false;
#endif
}

}  // namespace

std::vector<Isa> isas_here() {
  std::vector<Isa> order{Isa::amx, Isa::avx512, Isa::avx512bf16, Isa::avx2, Isa::portable};
  if (is_avx512bf16_fast()) std::swap(order[1], order[2]);
  std::vector<Isa> here;
  for (Isa isa : order) {
    if (isa_supported(isa)) here.push_back(isa);
  }
  return here;
}

Isa best_isa() { return isas_here().front(); }

Isa isa_from_name(const std::string& name) {
  if (name == isa_name(Isa::amx_emulated)) return Isa::amx_emulated;
  std::string available;
  for (Isa isa : isas_here()) {
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
