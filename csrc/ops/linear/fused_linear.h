// The op that plans for CUDA make of products and what follows them; see fused_linear.cc.
#pragma once

namespace lmspt {

class Registry;

void register_fused_linear(Registry& registry);

}  // namespace lmspt
