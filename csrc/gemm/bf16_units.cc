#include "gemm/bf16_units.h"

namespace lmspt {

#define LMSPT_BF16_UNIT(variant) \
  namespace variant {            \
  const Bf16Unit& bf16_unit();   \
  }
LMSPT_BF16_UNIT(portable)
LMSPT_BF16_UNIT(amx_emulated)
#if defined(__x86_64__)
LMSPT_BF16_UNIT(avx2)
LMSPT_BF16_UNIT(avx512)
LMSPT_BF16_UNIT(avx512bf16)
LMSPT_BF16_UNIT(amx)
#endif
#undef LMSPT_BF16_UNIT

const Bf16Unit& bf16_unit(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx2: return avx2::bf16_unit();
    case Isa::avx512: return avx512::bf16_unit();
    case Isa::avx512bf16: return avx512bf16::bf16_unit();
    case Isa::amx: return amx::bf16_unit();
#endif
    case Isa::amx_emulated: return amx_emulated::bf16_unit();
    default: return portable::bf16_unit();
  }
}

}  // namespace lmspt
