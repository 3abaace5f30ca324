// The functions of csrc/device/cuda/instructions_sm90.h on the host.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace lmspt::emulation {

uint32_t shared_address(const void* pointer);  // within the block's dynamic shared memory

void barrier_init(uint64_t* barrier, int arrivals);
void barrier_arrive(uint64_t* barrier);
void barrier_arrive_at(uint64_t* barrier, int rank);
void barrier_arrive_expecting(uint64_t* barrier, int bytes);
void barrier_wait(uint64_t* barrier, int parity);

void bulk_copy(void* target, const CUtensorMap* map, const int (&place)[5], uint64_t* barrier);
void bulk_copy_to_all(void* target, const CUtensorMap* map, const int (&place)[5], uint64_t* barrier, int blocks);

void load_operands(const unsigned char* source, void* words);
void store_operands(unsigned char* target, const void* words);
void show_operands();

int cluster_rank();
void cluster_barrier(const char* file = __builtin_FILE(), int line = __builtin_LINE());
void set_registers(int count);

void wgmma_fence();
void wgmma(float* d, int columns, bool tf32, bool across, uint64_t a, uint64_t b, bool add);
void wgmma_of_registers(float* d, int columns, bool across, const uint32_t (&a)[4], uint64_t b, bool add);
void wgmma_commit();
void wgmma_wait(int pending);

}  // namespace lmspt::emulation
