// The instructions of compute capability 9.0 alone (sm_90a): barriers in shared memory that count bytes, bulk copies of
// boxes of tensors, products of warp groups whose operands lie in shared memory. The only inline PTX besides
// instructions.h, with emulated counterparts in test/cuda-emulation.
//
// A warp group is four warps, the first of which is a multiple of four. Shared memory that these instructions read and
// write holds rows of 128 bytes whose chunks of 16 bytes are *swizzled*: chunk c of the row at address 128 r lies at
// chunk c ^ (r % 8). Its blocks begin at multiples of 1024 bytes.
#pragma once

#include <cuda.h>

#include "device/cuda/instructions.h"

#if defined(LMSPT_CUDA_EMULATED)
#include "cuda-emulation/sm90_emulated.h"
#endif

namespace lmspt::cuda {

// Whether the target being compiled has them. Kernels for others have empty bodies and are not launched.
#if defined(LMSPT_CUDA_EMULATED) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
constexpr bool kHasWgmma = true;
#else
constexpr bool kHasWgmma = false;
#endif

constexpr int kWarpGroup = 128;      // threads
constexpr int kSwizzleBytes = 128;   // of a row
constexpr int kSwizzleBlock = 1024;  // bytes of eight rows, after which the pattern repeats

// ---- shared memory ----

// The block's dynamic shared memory, aligned to kSwizzleBlock.
__device__ inline unsigned char* swizzled_shared() {
#if defined(LMSPT_CUDA_EMULATED)
  return static_cast<unsigned char*>(emulation::dynamic_shared());
#else
  extern __shared__ __align__(1024) unsigned char lmspt_swizzled_shared[];
  return lmspt_swizzled_shared;
#endif
}

// ---- barriers: 64 bits in shared memory ----
//
// A phase ends when as many arrivals came as the barrier was made for, and all bytes that were announced. The parity of
// the first phase is 0.

__device__ inline void barrier_init(uint64_t* barrier, int arrivals) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::barrier_init(barrier, arrivals);
#else
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
#endif
}

// After barriers were made, before the block or the cluster meets.
__device__ inline void barrier_init_fence() {
#if !defined(LMSPT_CUDA_EMULATED)
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}

__device__ inline void barrier_arrive(uint64_t* barrier) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::barrier_arrive(barrier);
#else
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
#endif
}

// The barrier at the same place of block `rank` of the cluster. With its scope written out, two fences of the whole GPU
// would come before: 0.4 us, where a stage of products takes 0.5.
__device__ inline void barrier_arrive_at(uint64_t* barrier, int rank) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::barrier_arrive_at(barrier, rank);
#else
  asm volatile(
      "{\n"
      ".reg .b32 remote;\n"
      "mapa.shared::cluster.u32 remote, %0, %1;\n"
      "mbarrier.arrive.shared::cluster.b64 _, [remote];\n"
      "}" ::"r"(shared_address(barrier)),
      "r"(rank)
      : "memory");
#endif
}

// Arrives, and announces `bytes` that bulk copies will bring in this phase.
__device__ inline void barrier_arrive_expecting(uint64_t* barrier, int bytes) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::barrier_arrive_expecting(barrier, bytes);
#else
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes)
               : "memory");
#endif
}

// Waits until the phase of this parity has ended, which threads of the block or the cluster and copies bring about. At
// the scope of the cluster it would empty the multiprocessor's first-level cache; what products read and copies write
// is in order without.
__device__ inline void barrier_wait(uint64_t* barrier, int parity) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::barrier_wait(barrier, parity);
#else
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@done bra.uni over;\n"
      "bra.uni again;\n"
      "over:\n"
      "}" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
#endif
}

// ---- bulk copies ----

// Coordinates of the first element of a box, fastest dimension first.
struct BoxPlace {
  int at[5];
};

// Copies the box of a tensor of five dimensions to `target`, zeros where it lies outside; the barrier gets its bytes.
// The map is a parameter of the kernel.
__device__ inline void bulk_copy(void* target, const CUtensorMap* map, const BoxPlace& place, uint64_t* barrier) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::bulk_copy(target, map, place.at, barrier);
#else
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5, %6}], "
      "[%7];" ::"r"(shared_address(target)),
      "l"(map), "r"(place.at[0]), "r"(place.at[1]), "r"(place.at[2]), "r"(place.at[3]), "r"(place.at[4]),
      "r"(shared_address(barrier))
      : "memory");
#endif
}

// The same to the blocks of the cluster whose bits are set, at the same place of each, whose own barriers get the
// bytes.
__device__ inline void bulk_copy_to_all(void* target, const CUtensorMap* map, const BoxPlace& place, uint64_t* barrier,
                                        int blocks) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::bulk_copy_to_all(target, map, place.at, barrier, blocks);
#else
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], "
      "[%1, {%2, %3, %4, %5, %6}], [%7], %8;" ::"r"(shared_address(target)),
      "l"(map), "r"(place.at[0]), "r"(place.at[1]), "r"(place.at[2]), "r"(place.at[3]), "r"(place.at[4]),
      "r"(shared_address(barrier)), "h"(static_cast<uint16_t>(blocks))
      : "memory");
#endif
}

// ---- what copies brought, for threads ----
//
// A thread may read what a copy brought once it has waited for it, and write over it for products, which see that from
// `show_operands` on, in threads that learn of it by a barrier.

// 16 bytes, at a multiple of them.
__device__ inline uint4 load_operands(const unsigned char* source) {
#if defined(LMSPT_CUDA_EMULATED)
  uint4 words;
  emulation::load_operands(source, &words);
  return words;
#else
  return *reinterpret_cast<const uint4*>(source);
#endif
}

__device__ inline void store_operands(unsigned char* target, const uint4& words) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::store_operands(target, &words);
#else
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(shared_address(target)), "r"(words.x), "r"(words.y),
               "r"(words.z), "r"(words.w)
               : "memory");
#endif
}

// By each thread that stored operands, before it arrives at the barrier.
__device__ inline void show_operands() {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::show_operands();
#else
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

// ---- clusters ----

// The number of the block in its cluster.
__device__ inline int cluster_rank() {
#if defined(LMSPT_CUDA_EMULATED)
  return emulation::cluster_rank();
#else
  uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return static_cast<int>(rank);
#endif
}

// All threads of all blocks of the cluster meet.
__device__ inline void cluster_barrier() {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::cluster_barrier();
#else
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

// ---- registers ----

// Gives a warp group's registers back down to `count` a thread, or takes more up to it; a multiple of 8.
template <int count>
__device__ inline void keep_registers() {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::set_registers(count);
#else
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count));
#endif
}
template <int count>
__device__ inline void take_registers() {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::set_registers(count);
#else
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(count));
#endif
}

// ---- products of a warp group: d (64 x N) += a (64 x K) b (K x N), K = 16 of bf16 or 8 of tf32 ----
//
// Thread t of the group holds, with warp = t / 32, group = t % 32 / 4 and place = t % 4, of every eight columns 8 j on
// d[4 j], d[4 j + 1]:     row 16 warp + group,     columns 8 j + 2 place, 8 j + 2 place + 1
// d[4 j + 2], d[4 j + 3]: row 16 warp + group + 8, the same columns
//
// Products run on their own: neither d nor what they read may be touched before wgmma_wait. Compilers know that of
// memory alone; for registers that are computed with in the meantime, wgmma_settle tells them.

// What describes an operand in shared memory, by its first element.
__device__ inline uint64_t operand_of_blocks(const void* first, int apart) {
#if defined(LMSPT_CUDA_EMULATED)
  const uint64_t address = emulation::shared_address(first);
#else
  const uint64_t address = shared_address(first);
#endif
  return (address & 0x3ffff) >> 4 | static_cast<uint64_t>(apart >> 4) << 16 | uint64_t{kSwizzleBlock >> 4} << 32 |
         uint64_t{1} << 62;
}

// Along K (rows of a or columns of b, each with its elements of K side by side in 128 bytes): eight rows to a swizzle
// block, blocks one after the other; a step of 32 bytes goes to the next K of the instruction. The first row may be any
// of a block: hardware finds chunks by the bits of addresses.
__device__ inline uint64_t operand_along_k(const void* first) {
  constexpr int kUnused = 16;
  return operand_of_blocks(first, kUnused);
}

// What describes the operand so many times 16 bytes on, in 32 bits: addresses stay below 2^18.
__device__ inline uint64_t operand_after(uint64_t operand, int chunks) {
  return (operand & 0xffffffff00000000u) | (static_cast<uint32_t>(operand) + static_cast<uint32_t>(chunks));
}

// Across K (rows of K, each with 64 bf16 numbers of M or N side by side): eight rows to a swizzle block, blocks one
// after the other; the next 64 of M or N lie `apart` bytes on. A step of 2048 bytes goes to the next K.
__device__ inline uint64_t operand_across_k(const void* first, int apart) { return operand_of_blocks(first, apart); }

// Before the first product, and before one whose sums other code touched.
__device__ inline void wgmma_fence() {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::wgmma_fence();
#else
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}

// Makes a group of the products since the last one.
__device__ inline void wgmma_commit() {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::wgmma_commit();
#else
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}

// Waits for all groups but the newest `pending`.
template <int pending>
__device__ inline void wgmma_wait() {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::wgmma_wait(pending);
#else
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
#endif
}

// What the operands hold, and how they lie.
enum class WgmmaKind {
  bf16,         // both along K
  bf16_across,  // both across K
  tf32,         // both along K; the low 13 bits do not count
};

#if !defined(LMSPT_CUDA_EMULATED)
// The text and the operands of an instruction with so many registers of sums.
#define LMSPT_NAMES_16 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define LMSPT_NAMES_24 LMSPT_NAMES_16 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define LMSPT_NAMES_32 LMSPT_NAMES_24 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define LMSPT_NAMES_48 LMSPT_NAMES_32 ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define LMSPT_NAMES_64 LMSPT_NAMES_48 ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define LMSPT_NAMES_96                                                                                          \
  LMSPT_NAMES_64                                                                                                \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, " \
  "%85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define LMSPT_NAMES_128                                                                                        \
  LMSPT_NAMES_96                                                                                               \
  ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, " \
  "%114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define LMSPT_SUMS_8(i)                                                                                       \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
      "+f"(d[i + 7])
#define LMSPT_SUMS_16 LMSPT_SUMS_8(0), LMSPT_SUMS_8(8)
#define LMSPT_SUMS_24 LMSPT_SUMS_16, LMSPT_SUMS_8(16)
#define LMSPT_SUMS_32 LMSPT_SUMS_24, LMSPT_SUMS_8(24)
#define LMSPT_SUMS_48 LMSPT_SUMS_32, LMSPT_SUMS_8(32), LMSPT_SUMS_8(40)
#define LMSPT_SUMS_64 LMSPT_SUMS_48, LMSPT_SUMS_8(48), LMSPT_SUMS_8(56)
#define LMSPT_SUMS_96 LMSPT_SUMS_64, LMSPT_SUMS_8(64), LMSPT_SUMS_8(72), LMSPT_SUMS_8(80), LMSPT_SUMS_8(88)
#define LMSPT_SUMS_128 LMSPT_SUMS_96, LMSPT_SUMS_8(96), LMSPT_SUMS_8(104), LMSPT_SUMS_8(112), LMSPT_SUMS_8(120)
#define LMSPT_WGMMA(shape, names, a, b, more, layout, ...)                                                           \
  asm volatile("{\n.reg .pred more;\nsetp.ne.b32 more, %" more ", 0;\nwgmma.mma_async.sync.aligned." shape " " names \
               "}, %" a ", %" b ", more, 1, 1" layout ";\n}"                                                         \
               : __VA_ARGS__                                                                                         \
               : "l"(rows), "l"(columns), "r"(static_cast<int>(add)))
#define LMSPT_WGMMA_OF(type, layout)                                                           \
  if constexpr (kColumns == 32) {                                                              \
    LMSPT_WGMMA("m64n32" type, LMSPT_NAMES_16, "16", "17", "18", layout, LMSPT_SUMS_16);       \
  } else if constexpr (kColumns == 48) {                                                       \
    LMSPT_WGMMA("m64n48" type, LMSPT_NAMES_24, "24", "25", "26", layout, LMSPT_SUMS_24);       \
  } else if constexpr (kColumns == 64) {                                                       \
    LMSPT_WGMMA("m64n64" type, LMSPT_NAMES_32, "32", "33", "34", layout, LMSPT_SUMS_32);       \
  } else if constexpr (kColumns == 96) {                                                       \
    LMSPT_WGMMA("m64n96" type, LMSPT_NAMES_48, "48", "49", "50", layout, LMSPT_SUMS_48);       \
  } else if constexpr (kColumns == 128) {                                                      \
    LMSPT_WGMMA("m64n128" type, LMSPT_NAMES_64, "64", "65", "66", layout, LMSPT_SUMS_64);      \
  } else if constexpr (kColumns == 192) {                                                      \
    LMSPT_WGMMA("m64n192" type, LMSPT_NAMES_96, "96", "97", "98", layout, LMSPT_SUMS_96);      \
  } else {                                                                                     \
    static_assert(kColumns == 256);                                                            \
    LMSPT_WGMMA("m64n256" type, LMSPT_NAMES_128, "128", "129", "130", layout, LMSPT_SUMS_128); \
  }
#define LMSPT_WGMMA_OF_REGISTERS(shape, names, a0, a1, a2, a3, b, more, across, ...)                              \
  asm volatile("{\n.reg .pred more;\nsetp.ne.b32 more, %" more ", 0;\nwgmma.mma_async.sync.aligned." shape        \
               "k16.f32.bf16.bf16 " names "}, {%" a0 ", %" a1 ", %" a2 ", %" a3 "}, %" b ", more, 1, 1, %" across \
               ";\n}"                                                                                             \
               : __VA_ARGS__                                                                                      \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(columns), "r"(static_cast<int>(add)), "n"(kAcross))
#endif

// Columns: 32, 48, 64, 96, 128, 192 or 256. Without `add`, d is set.
template <int kColumns, WgmmaKind kKind>
__device__ inline void wgmma(float (&d)[kColumns / 2], uint64_t rows, uint64_t columns, bool add) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::wgmma(d, kColumns, kKind == WgmmaKind::tf32, kKind == WgmmaKind::bf16_across, rows, columns, add);
#else
  if constexpr (kKind == WgmmaKind::bf16) {
    LMSPT_WGMMA_OF("k16.f32.bf16.bf16", ", 0, 0")
  } else if constexpr (kKind == WgmmaKind::bf16_across) {
    LMSPT_WGMMA_OF("k16.f32.bf16.bf16", ", 1, 1")
  } else {
    LMSPT_WGMMA_OF("k8.f32.tf32.tf32", "")
  }
#endif
}

// K = 16 of bf16, with the rows of a in registers and b along or across K. Of the group's rows, with k below 8:
// a[0]: (16 warp + group, 2 place)   a[1]: (16 warp + group + 8, 2 place)   a[2], a[3]: the same rows, 2 place + 8
// So eight neighbours of d, d[8 i] on, are a's registers of k = 16 i, if pairs of them are packed.
// Columns: 32, 48, 64, 96 or 128.
template <int kColumns, bool kAcross>
__device__ inline void wgmma_of_registers(float (&d)[kColumns / 2], const uint32_t (&a)[4], uint64_t columns,
                                          bool add) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::wgmma_of_registers(d, kColumns, kAcross, a, columns, add);
#else
  if constexpr (kColumns == 32) {
    LMSPT_WGMMA_OF_REGISTERS("m64n32", LMSPT_NAMES_16, "16", "17", "18", "19", "20", "21", "22", LMSPT_SUMS_16);
  } else if constexpr (kColumns == 48) {
    LMSPT_WGMMA_OF_REGISTERS("m64n48", LMSPT_NAMES_24, "24", "25", "26", "27", "28", "29", "30", LMSPT_SUMS_24);
  } else if constexpr (kColumns == 64) {
    LMSPT_WGMMA_OF_REGISTERS("m64n64", LMSPT_NAMES_32, "32", "33", "34", "35", "36", "37", "38", LMSPT_SUMS_32);
  } else if constexpr (kColumns == 96) {
    LMSPT_WGMMA_OF_REGISTERS("m64n96", LMSPT_NAMES_48, "48", "49", "50", "51", "52", "53", "54", LMSPT_SUMS_48);
  } else {
    static_assert(kColumns == 128);
    LMSPT_WGMMA_OF_REGISTERS("m64n128", LMSPT_NAMES_64, "64", "65", "66", "67", "68", "69", "70", LMSPT_SUMS_64);
  }
#endif
}

// After wgmma_wait: code that follows computes with these registers from here on alone.
template <int count>
__device__ inline void wgmma_settle([[maybe_unused]] float (&sums)[count]) {
#if !defined(LMSPT_CUDA_EMULATED)
#pragma unroll
  for (int i = 0; i < count; ++i) asm volatile("" : "+f"(sums[i])::"memory");
#endif
}
template <int count>
__device__ inline void wgmma_settle([[maybe_unused]] uint32_t (&operands)[count][4]) {
#if !defined(LMSPT_CUDA_EMULATED)
#pragma unroll
  for (int i = 0; i < count; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) asm volatile("" : "+r"(operands[i][j])::"memory");
  }
#endif
}

#if !defined(LMSPT_CUDA_EMULATED)
#undef LMSPT_NAMES_16
#undef LMSPT_NAMES_24
#undef LMSPT_NAMES_32
#undef LMSPT_NAMES_48
#undef LMSPT_NAMES_64
#undef LMSPT_NAMES_96
#undef LMSPT_NAMES_128
#undef LMSPT_SUMS_8
#undef LMSPT_SUMS_16
#undef LMSPT_SUMS_24
#undef LMSPT_SUMS_32
#undef LMSPT_SUMS_48
#undef LMSPT_SUMS_64
#undef LMSPT_SUMS_96
#undef LMSPT_SUMS_128
#undef LMSPT_WGMMA
#undef LMSPT_WGMMA_OF
#undef LMSPT_WGMMA_OF_REGISTERS
#endif

}  // namespace lmspt::cuda
