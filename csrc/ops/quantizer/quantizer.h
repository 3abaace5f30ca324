// What a fused quantizer's stages have in common.
#pragma once

#include "device/kernel.h"

namespace lmspt {

constexpr int kFeatures = 8;           // of a code
constexpr int64_t kMostLatent = 4096;  // channels, a multiple of 4
constexpr int kMostStages = 32;

// Places of a stage's inputs, after x, which is input 0. The last stage has those up to kPanels alone.
enum StageInput { kWIn, kBIn, kPanels, kCodebook, kWOut, kBOut, kBase, kStageInputs };

LMSPT_INLINE int stage_input(int stage, StageInput input) { return 1 + stage * kStageInputs + input; }

}  // namespace lmspt
