// What is known of barriers that count bytes and of bulk copies in the running cluster: what has arrived, which warps
// know of it, and which still read what was there before.
#pragma once

#include <cstdint>
#include <string>

#include "cuda-emulation/block.h"

namespace lmspt::emulation {

// A cluster begins.
void begin_transfers();

// Called when no thread can go on: lets copies arrive that somebody waits for, the newest first. Whether there were
// any.
bool deliver_copies();

// What is left of copies and products when the cluster ends, for people; empty where nothing is.
std::string open_transfers();

// Why a thread waits for a barrier.
std::string describe_wait(const Thread& thread);

// A product of the current thread's warp reads `bytes` of shared memory at some time between these two calls. Copies
// brought them, and the warp waited for those.
void start_read(uintptr_t address, size_t bytes, const void* code);
void finish_read(uintptr_t address, size_t bytes);

// ---- products of warp groups (wgmma.cc) ----

void begin_products();

}  // namespace lmspt::emulation
