// The instructions of compute capability 9.0: a product of what bulk copies bring against a formula, and what can be
// done wrong on the way.
#include "cuda-emulation/probes.h"
#include "device/cuda/instructions_sm90.h"
#include "device/cuda/tensor_map.h"

using namespace lmspt::cuda;

namespace {

enum class Mistake {
  none,
  barrier_not_made,  // for others than the thread that made it
  no_wait,           // for the copies
  too_many_bytes,    // announced
  copy_left,         // under way at the end
  no_fence,
  no_wgmma_wait,
  other_products,      // of the last warp
  misaligned_operand,  // across K
  operand_not_copied,
  misaligned_copy,
  misaligned_source,
  copy_over_read,  // before a warp has released it
  copy_over_copy,
  one_arrival_missing,
  one_arrival_too_many,
  odd_registers,
  rows_changed,  // in registers, while a product reads them
  overlapping_sums,
  hidden_operands,     // that threads wrote
  untold_operands,     // to those who multiply
  rewritten_too_soon,  // before the copy is there
};

constexpr int kBytes = 64 * kSwizzleBytes;  // of an operand: 64 rows of 128 bytes
constexpr int kShared = 2 * kBytes + 2 * static_cast<int>(sizeof(uint64_t));

// out (64 x 64) = a b of the boxes that begin `skipped` rows before the operands.
template <WgmmaKind kKind>
__global__ void product(const __grid_constant__ CUtensorMap a, const __grid_constant__ CUtensorMap b, float* out,
                        int skipped, Mistake mistake) {
  unsigned char* shared = swizzled_shared();
  auto* filled = reinterpret_cast<uint64_t*>(shared + 2 * kBytes);
  uint64_t* released = filled + 1;
  const int warp = threadIdx.x / 32;
  const auto copy = [&](int offset, const CUtensorMap* map) {
    const int first = mistake == Mistake::misaligned_source ? 1 : 0;
    bulk_copy(shared + offset, map, {{first, -skipped, 0, 0, 0}}, filled);
  };
  if (threadIdx.x == 0) {
    barrier_init(filled, 1);
    barrier_init(released, 4);
    barrier_init_fence();
  }
  if (mistake != Mistake::barrier_not_made) __syncthreads();
  if (threadIdx.x == 0) {
    barrier_arrive_expecting(filled, 2 * kBytes + (mistake == Mistake::too_many_bytes ? 16 : 0));
    copy(mistake == Mistake::misaligned_copy ? 128 : 0, &a);
    copy(mistake == Mistake::copy_over_copy ? 0 : kBytes, &b);
  }
  if (mistake == Mistake::one_arrival_too_many && threadIdx.x == 32) barrier_arrive(filled);
  if (mistake == Mistake::odd_registers) keep_registers<44>();
  if (mistake == Mistake::copy_left) return;
  if (mistake != Mistake::no_wait) barrier_wait(filled, 0);
  float sums[32];
  for (int i = 0; i < 32; ++i) sums[i] = 0;
  if (mistake != Mistake::no_fence) wgmma_fence();
  constexpr bool kAcross = kKind == WgmmaKind::bf16_across;
  constexpr int kStep = (kAcross ? 2048 : 32) >> 4;
  unsigned char* first = shared + (mistake == Mistake::misaligned_operand ? 128 : 0);
  if (mistake == Mistake::operand_not_copied) first += 2 * kBytes - kSwizzleBlock;
  const uint64_t rows = kAcross ? operand_across_k(first, 0) : operand_along_k(first);
  const uint64_t columns = kAcross ? operand_across_k(shared + kBytes, 0) : operand_along_k(shared + kBytes);
  for (int k = 0; k < 4; ++k) {
    const int at = mistake == Mistake::other_products && warp == 3 ? 3 - k : k;
    wgmma<64, kKind>(sums, rows + at * kStep, columns + at * kStep, k > 0);
  }
  wgmma_commit();
  if (mistake != Mistake::no_wgmma_wait) wgmma_wait<0>();
  for (int i = 0; i < 32; ++i) {
    const int row = 16 * warp + threadIdx.x % 32 / 4 + i / 2 % 2 * 8, column = i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2;
    out[row * 64 + column] = sums[i];
  }
  if (threadIdx.x % 32 == 0 && !(mistake == Mistake::one_arrival_missing && warp == 3)) barrier_arrive(released);
  if (threadIdx.x == 96) {
    if (mistake != Mistake::copy_over_read) barrier_wait(released, 0);
    barrier_arrive_expecting(filled, 2 * kBytes);
    copy(0, &a);
    copy(kBytes, &b);
    barrier_wait(filled, 1);
  }
}

// outs = a b and b b, where a's rows are in registers, those of b across K; both products are under way together.
__global__ void products_of_registers(const uint32_t* a, const __grid_constant__ CUtensorMap b, float* out,
                                      Mistake mistake) {
  unsigned char* shared = swizzled_shared();
  auto* filled = reinterpret_cast<uint64_t*>(shared + 2 * kBytes);
  if (threadIdx.x == 0) {
    barrier_init(filled, 1);
    barrier_init_fence();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    barrier_arrive_expecting(filled, kBytes);
    bulk_copy(shared, &b, {{0, 0, 0, 0, 0}}, filled);
  }
  const int first = 16 * (threadIdx.x / 32) + threadIdx.x % 32 / 4, place = threadIdx.x % 4;
  uint32_t rows[4][4];
  for (int k = 0; k < 4; ++k) {
    for (int i = 0; i < 4; ++i) rows[k][i] = a[(first + i % 2 * 8) * 32 + 8 * k + place + i / 2 * 4];
  }
  float both[64];
  auto& sums = *reinterpret_cast<float (*)[32]>(both);
  auto& others = *reinterpret_cast<float (*)[32]>(both + (mistake == Mistake::overlapping_sums ? 16 : 32));
  barrier_wait(filled, 0);
  if (mistake != Mistake::no_fence) wgmma_fence();
  for (int k = 0; k < 4; ++k) {
    wgmma_of_registers<64, true>(sums, rows[k], operand_across_k(shared + 2048 * k, 0), k > 0);
  }
  wgmma_commit();
  for (int k = 0; k < 4; ++k) {
    wgmma<64, WgmmaKind::bf16>(others, operand_along_k(shared + 32 * k), operand_along_k(shared + 32 * k), k > 0);
  }
  wgmma_commit();
  if (mistake == Mistake::rows_changed) rows[3][0] ^= 1;
  wgmma_wait<1>();
  wgmma_settle(sums);
  wgmma_settle(rows);
  for (int i = 0; i < 32; ++i) out[(first + i / 2 % 2 * 8) * 64 + i / 4 * 8 + 2 * place + i % 2] = sums[i];
  wgmma_wait<0>();
  wgmma_settle(others);
  for (int i = 0; i < 32; ++i) out[(64 + first + i / 2 % 2 * 8) * 64 + i / 4 * 8 + 2 * place + i % 2] = others[i];
}

// out (64 x 32) = (-a) b of the rows of a from kSkipped on, which one warp more negates. The last eight rows of a are a
// copy of their own.
constexpr int kSkipped = 3;
__global__ void product_of_rewritten(const __grid_constant__ CUtensorMap a, const __grid_constant__ CUtensorMap more,
                                     const __grid_constant__ CUtensorMap b, float* out, Mistake mistake) {
  constexpr int kAllRows = 72, kColumns = 32;
  unsigned char *shared = swizzled_shared(), *columns = shared + kAllRows * kSwizzleBytes;
  auto* filled = reinterpret_cast<uint64_t*>(columns + kColumns * kSwizzleBytes);
  uint64_t* ready = filled + 1;
  if (threadIdx.x == 0) {
    barrier_init(filled, 1);
    barrier_init(ready, 1);
    barrier_init_fence();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    barrier_arrive_expecting(filled, (kAllRows + kColumns) * kSwizzleBytes);
    bulk_copy(shared, &a, {{0, 0, 0, 0, 0}}, filled);
    bulk_copy(shared + kBytes, &more, {{0, 64, 0, 0, 0}}, filled);
    bulk_copy(columns, &b, {{0, 0, 0, 0, 0}}, filled);
  }
  if (threadIdx.x >= kWarpGroup) {
    if (mistake != Mistake::rewritten_too_soon) barrier_wait(filled, 0);
    for (int i = threadIdx.x % 32; i < kAllRows * 8; i += 32) {
      uint4 words = load_operands(shared + 16 * i);
      for (uint32_t* word : {&words.x, &words.y, &words.z, &words.w}) *word ^= 0x80008000u;
      store_operands(shared + 16 * i, words);
    }
    if (mistake != Mistake::hidden_operands) show_operands();
    __syncwarp();
    if (threadIdx.x % 32 == 0) barrier_arrive(ready);
    return;
  }
  barrier_wait(filled, 0);
  if (mistake != Mistake::untold_operands) barrier_wait(ready, 0);
  float sums[kColumns / 2];
  wgmma_fence();
  for (int k = 0; k < 4; ++k) {
    wgmma<kColumns, WgmmaKind::bf16>(sums, operand_along_k(shared + kSkipped * kSwizzleBytes + 32 * k),
                                     operand_along_k(columns + 32 * k), k > 0);
  }
  wgmma_commit();
  wgmma_wait<0>();
  wgmma_settle(sums);
  for (int i = 0; i < kColumns / 2; ++i) {
    const int row = 16 * (threadIdx.x / 32) + threadIdx.x % 32 / 4 + i / 2 % 2 * 8;
    out[row * kColumns + i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2] = sums[i];
  }
  if (mistake == Mistake::untold_operands) barrier_wait(ready, 0);
}

// One warp more copies: blocks of a cluster bring one half of b to both; block r computes rows 64 r to 64 r + 63 of
// out.
__global__ void product_of_cluster(const __grid_constant__ CUtensorMap a, const __grid_constant__ CUtensorMap b,
                                   float* out) {
  unsigned char* shared = swizzled_shared();
  auto* filled = reinterpret_cast<uint64_t*>(shared + 2 * kBytes);
  uint64_t* released = filled + 1;
  const int rank = cluster_rank();
  if (threadIdx.x == 0) {
    barrier_init(filled, 1);
    barrier_init(released, 8);
    barrier_init_fence();
  }
  cluster_barrier();
  if (threadIdx.x == kWarpGroup) {
    for (int round = 0; round < 2; ++round) {
      barrier_wait(released, round ^ 1);
      barrier_arrive_expecting(filled, 2 * kBytes);
      bulk_copy(shared, &a, {{0, 64 * rank, 0, 0, 0}}, filled);
      bulk_copy_to_all(shared + kBytes + rank * kBytes / 2, &b, {{0, 32 * rank, 0, 0, 0}}, filled, 3);
    }
  }
  for (int round = 0; round < 2 && threadIdx.x < kWarpGroup; ++round) {
    barrier_wait(filled, round);
    float sums[32];
    wgmma_fence();
    for (int k = 0; k < 4; ++k) {
      wgmma<64, WgmmaKind::bf16>(sums, operand_along_k(shared + 32 * k), operand_along_k(shared + kBytes + 32 * k),
                                 k > 0);
    }
    wgmma_commit();
    wgmma_wait<0>();
    if (threadIdx.x % 32 == 0) {
      for (int other = 0; other < 2; ++other) barrier_arrive_at(released, other);
    }
    for (int i = 0; i < 32 && round == 1; ++i) {
      const int row = 64 * rank + 16 * (threadIdx.x / 32) + threadIdx.x % 32 / 4 + i / 2 % 2 * 8;
      out[row * 64 + i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2] = sums[i];
    }
  }
  cluster_barrier();
}

// ---- the tests ----

// A matrix of `rows` rows of 128 bytes, and its map with boxes of `box` rows.
class Operand {
 public:
  Operand(int rows, int box, bool tf32, int seed)
      : tf32_(tf32),
        width_(tf32 ? 32 : 64),
        values_(numbers(rows * width_ + seed)),
        memory_(static_cast<size_t>(rows * kSwizzleBytes / 4)) {
    values_.erase(values_.begin(), values_.begin() + seed);
    for (float& value : values_) value = tf32 ? rounded_tf32(value) : rounded_bf16(value);
    std::vector<uint32_t> words(static_cast<size_t>(rows * kSwizzleBytes / 4));
    for (size_t i = 0; i < words.size(); ++i) {
      words[i] = tf32 ? __float_as_uint(values_[i]) : pack_bf16(values_[2 * i], values_[2 * i + 1]);
    }
    check(cudaMemcpy(memory_.data(), words.data(), words.size() * 4, cudaMemcpyHostToDevice), "copy");
    map_ = tensor_map(
        {memory_.data(), !tf32, {width_, rows, 1, 1, 1}, {width_, width_, width_, width_}, {width_, box, 1, 1, 1}});
  }
  const CUtensorMap& map() const { return map_; }
  const uint32_t* words() const { return memory_.data(); }
  float at(int row, int i) const { return row < 0 ? 0.f : values_[row * width_ + i]; }
  int width() const { return width_; }

 private:
  bool tf32_;
  int width_;
  std::vector<float> values_;
  Memory<uint32_t> memory_;
  CUtensorMap map_;
};

// The sums of an instruction are rounded once.
float expected_sum(int steps, int depth, const auto& product) {
  float sum = 0;
  for (int step = 0; step < steps; ++step) {
    double exact = sum;
    for (int k = step * depth; k < (step + 1) * depth; ++k) exact += product(k);
    sum = static_cast<float>(exact);
  }
  return sum;
}

template <WgmmaKind kKind>
void run_product(const std::string& name, int skipped) {
  constexpr bool kTf32 = kKind == WgmmaKind::tf32, kAcross = kKind == WgmmaKind::bf16_across;
  const Operand a(64, 64, kTf32, 1), b(64, 64, kTf32, 2);
  const Memory<float> out(64 * 64);
  check(cudaFuncSetAttribute(product<kKind>, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared), "ask");
  expect(name, run(product<kKind>, 1, 128, kShared, a.map(), b.map(), out.data(), skipped, Mistake::none), out,
         [&](size_t i) {
           const int row = static_cast<int>(i / 64), column = static_cast<int>(i % 64);
           return expected_sum(4, kTf32 ? 8 : 16, [&](int k) {
             return kAcross ? static_cast<double>(a.at(k - skipped, row)) * b.at(k - skipped, column)
                            : static_cast<double>(a.at(row - skipped, k)) * b.at(column - skipped, k);
           });
         });
}

template <WgmmaKind kKind = WgmmaKind::bf16>
void find(const std::string& name, const std::vector<std::string>& words, Mistake mistake) {
  const Operand a(64, 64, false, 1), b(64, 64, false, 2);
  float* out = nullptr;
  check(cudaMalloc(reinterpret_cast<void**>(&out), 64 * 64 * sizeof(float)), "allocate");
  finds(name, words, product<kKind>, 1, 128, kShared, a.map(), b.map(), out, 0, mistake);
}

void find_of_rewritten(const std::string& name, const std::vector<std::string>& words, Mistake mistake) {
  const Operand a(72, 64, false, 1), more(72, 8, false, 1), b(32, 32, false, 2);
  float* out = nullptr;
  check(cudaMalloc(reinterpret_cast<void**>(&out), 64 * 32 * sizeof(float)), "allocate");
  finds(name, words, product_of_rewritten, 1, kWarpGroup + 32, kShared, a.map(), more.map(), b.map(), out, mistake);
}

void find_of_registers(const std::string& name, const std::vector<std::string>& words, Mistake mistake) {
  const Operand a(64, 64, false, 1), b(64, 64, false, 2);
  float* out = nullptr;
  check(cudaMalloc(reinterpret_cast<void**>(&out), 2 * 64 * 64 * sizeof(float)), "allocate");
  finds(name, words, products_of_registers, 1, 128, kShared, a.words(), b.map(), out, mistake);
}

}  // namespace

void run_sm90_probes() {
  run_product<WgmmaKind::bf16>("a bf16 product of a warp group", 0);
  run_product<WgmmaKind::bf16_across>("a bf16 product of operands across K", 0);
  run_product<WgmmaKind::tf32>("a tf32 product of a warp group", 0);
  run_product<WgmmaKind::bf16>("boxes that begin outside of their tensors", 3);
  run_product<WgmmaKind::bf16_across>("the same across K", 5);
  {
    const Operand a(128, 64, false, 1), b(64, 32, false, 2);
    const Memory<float> out(128 * 64);
    check(cudaFuncSetAttribute(product_of_cluster, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared), "ask");
    clusters = 2;
    expect("copies to both blocks of a cluster",
           run(product_of_cluster, 2, kWarpGroup + 32, kShared, a.map(), b.map(), out.data()), out, [&](size_t i) {
             return expected_sum(4, 16, [&](int k) {
               return static_cast<double>(a.at(static_cast<int>(i / 64), k)) * b.at(static_cast<int>(i % 64), k);
             });
           });
    clusters = 1;
  }
  {
    const Operand a(64, 64, false, 1), b(64, 64, false, 2);
    const Memory<float> out(2 * 64 * 64);
    check(cudaFuncSetAttribute(products_of_registers, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared), "ask");
    expect("a product of rows in registers, and another under way",
           run(products_of_registers, 1, 128, kShared, a.words(), b.map(), out.data(), Mistake::none), out,
           [&](size_t i) {
             const int row = static_cast<int>(i / 64), column = static_cast<int>(i % 64);
             return expected_sum(4, 16, [&](int k) {
               return row < 64 ? static_cast<double>(a.at(row, k)) * b.at(k, column)
                               : static_cast<double>(b.at(row - 64, k)) * b.at(column, k);
             });
           });
  }
  {
    const Operand a(72, 64, false, 1), more(72, 8, false, 1), b(32, 32, false, 2);
    const Memory<float> out(64 * 32);
    check(cudaFuncSetAttribute(product_of_rewritten, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared), "ask");
    expect(
        "a product of what threads wrote, from within a swizzle block on",
        run(product_of_rewritten, 1, kWarpGroup + 32, kShared, a.map(), more.map(), b.map(), out.data(), Mistake::none),
        out, [&](size_t i) {
          const int row = static_cast<int>(i / 32) + kSkipped, column = static_cast<int>(i % 32);
          return expected_sum(4, 16, [&](int k) { return -static_cast<double>(a.at(row, k)) * b.at(column, k); });
        });
  }
  find_of_rewritten("operands that threads wrote and did not show", {"wrote without show_operands"},
                    Mistake::hidden_operands);
  find_of_rewritten("operands that are written meanwhile", {"with no barrier in between"}, Mistake::untold_operands);
  find_of_rewritten("operands that threads read before they are there", {"for whose arrival the warp did not wait"},
                    Mistake::rewritten_too_soon);
  find_of_registers("rows that change while a product reads them", {"an operand in registers that changed"},
                    Mistake::rows_changed);
  find_of_registers("sums of two products in the same registers", {"whose sums overlap others"},
                    Mistake::overlapping_sums);
  find_of_registers("a product of registers without a fence", {"without wgmma_fence"}, Mistake::no_fence);
  find("a barrier that the block did not wait for", {"race: read of 8 bytes of shared memory"},
       Mistake::barrier_not_made);
  find("a product of copies that its warp did not wait for", {"for whose arrival its warp did not wait"},
       Mistake::no_wait);
  find("bytes that never come", {"waits forever for the barrier", "0 arrivals and 16 bytes"}, Mistake::too_many_bytes);
  find("copies that a block leaves under way", {"ends while bulk copies are under way"}, Mistake::copy_left);
  find("a product without a fence", {"without wgmma_fence"}, Mistake::no_fence);
  find("warps of a group with different products", {"warps of a group ask for different products"},
       Mistake::other_products);
  find<WgmmaKind::bf16_across>("an operand across K that begins within a swizzle block",
                               {"does not begin with the first row"}, Mistake::misaligned_operand);
  find("an operand that no copy brought", {"which no bulk copy brought"}, Mistake::operand_not_copied);
  find("a copy to within a swizzle block", {"does not begin a swizzle block"}, Mistake::misaligned_copy);
  find("a copy from within 16 bytes", {"no multiple of 16 bytes along the first dimension"},
       Mistake::misaligned_source);
  find("a copy over what was not released", {"which warp 0 has read or written and not released"},
       Mistake::copy_over_read);
  find("a copy over another", {"to which another is under way"}, Mistake::copy_over_copy);
  find("an arrival that never comes", {"waits forever for the barrier", "1 arrivals and 0 bytes"},
       Mistake::one_arrival_missing);
  find("registers that are no multiple of eight", {"asks for 44 registers"}, Mistake::odd_registers);
  find("an arrival too many", {"one arrival too many at the barrier"}, Mistake::one_arrival_too_many);
  find("products that were not waited for", {"still reads"}, Mistake::no_wgmma_wait);
}
