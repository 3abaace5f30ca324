// The CPU as a device: one variant of the kernels, a thread pool, an arena.
#pragma once

#include <memory>

#include "device/cpu/isa.h"
#include "device/device.h"

namespace lmspt {

struct CpuOptions {
  Isa isa = best_isa();
  int threads = 0;  // 0: as many as the process may use
};

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options);
int available_threads();

// How the variant computes products that are asked for in a precision, for people.
const char* cpu_arithmetic_description(Isa isa, Precision asked);

}  // namespace lmspt
