// Which unit multiplies bf16 matrices in a CPU variant.
#pragma once

#include "device/cpu/isa.h"
#include "gemm/bf16_unit.h"

namespace lmspt {

const Bf16Unit& bf16_unit(Isa isa);

}  // namespace lmspt
