// Whether AMX can be used: the processor has it, and the system keeps its registers for this process.
#pragma once

namespace lmspt {

// Asks Linux for the permission to use the tile registers, which all threads share; later calls repeat the answer.
bool amx_usable();

}  // namespace lmspt
