// The instructions of csrc/device/cuda/instructions.h, for a warp whose lanes meet.
#include <bit>
#include <cstring>

#include "cuda-emulation/block.h"
#include "cuda-emulation/instructions_emulated.h"

namespace lmspt::emulation {

namespace {

enum Kind { kTf32 = 16, kBf16, kMatrices };

constexpr uint32_t kAll = 0xffffffffu;
constexpr Place kProduct{"a product of matrices", 0};
constexpr Place kLoad{"a load of matrices", 0};

float tf32(uint32_t word) { return std::bit_cast<float>(word & 0xffffe000u); }
float bf16(uint32_t pair, int half) { return std::bit_cast<float>(half ? pair & 0xffff0000u : pair << 16); }

// product[16][8] of a[16][K] and b[8][K], in double precision.
template <int K>
void multiply(const float (&a)[16][K], const float (&b)[8][K], double (&product)[16][8]) {
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      double sum = 0;
      for (int k = 0; k < K; ++k) sum += static_cast<double>(a[row][k]) * b[column][k];
      product[row][column] = sum;
    }
  }
}

// Registers 0 to 3 of each lane are a's, 4 and 5 b's.
void multiply_tf32_page(Meeting::Page& page) {
  float a[16][8], b[8][8];
  for (int lane = 0; lane < kLanes; ++lane) {
    const int group = lane / 4, place = lane % 4;
    const uint32_t* r = page.in[lane];
    for (int i = 0; i < 4; ++i) a[group + i % 2 * 8][place + i / 2 * 4] = tf32(r[i]);
    for (int i = 0; i < 2; ++i) b[group][place + i * 4] = tf32(r[4 + i]);
  }
  multiply(a, b, page.product);
}

void multiply_bf16_page(Meeting::Page& page) {
  float a[16][16], b[8][16];
  for (int lane = 0; lane < kLanes; ++lane) {
    const int group = lane / 4, place = lane % 4;
    const uint32_t* r = page.in[lane];
    for (int half = 0; half < 2; ++half) {
      for (int i = 0; i < 4; ++i) a[group + i % 2 * 8][2 * place + i / 2 * 8 + half] = bf16(r[i], half);
      for (int i = 0; i < 2; ++i) b[group][2 * place + i * 8 + half] = bf16(r[4 + i], half);
    }
  }
  multiply(a, b, page.product);
}

Four add_product(const Meeting::Page& page, const float (&d)[4]) {
  const int lane = block.current->lane, group = lane / 4, place = lane % 4;
  Four sum;
  for (int i = 0; i < 4; ++i) {
    sum.v[i] = static_cast<float>(d[i] + page.product[group + i / 2 * 8][2 * place + i % 2]);
  }
  return sum;
}

}  // namespace

Four warp_multiply_tf32(float d0, float d1, float d2, float d3, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                        uint32_t b0, uint32_t b1) {
  const Unwatched unwatched;
  const uint32_t words[] = {a0, a1, a2, a3, b0, b1};
  return add_product(meet(kProduct, kTf32, kAll, words, 6, multiply_tf32_page), {d0, d1, d2, d3});
}

Four warp_multiply_bf16(float d0, float d1, float d2, float d3, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                        uint32_t b0, uint32_t b1) {
  const Unwatched unwatched;
  const uint32_t words[] = {a0, a1, a2, a3, b0, b1};
  return add_product(meet(kProduct, kBf16, kAll, words, 6, multiply_bf16_page), {d0, d1, d2, d3});
}

// A lane reads the elements that it receives itself; races are found with those who wrote them.
FourWords warp_load_matrices(int count, bool transposed, const void* row) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  const uint64_t address = reinterpret_cast<uint64_t>(row);
  const uint32_t words[] = {static_cast<uint32_t>(address), static_cast<uint32_t>(address >> 32)};
  const Meeting::Page& page = meet(kLoad, kMatrices + count, kAll, words, 2);
  const int group = block.current->lane / 4, place = block.current->lane % 4;
  FourWords result{};
  for (int matrix = 0; matrix < count; ++matrix) {
    for (int half = 0; half < 2; ++half) {
      const int at = transposed ? 2 * place + half : group, element = transposed ? group : 2 * place + half;
      const uint32_t* from = page.in[8 * matrix + at];
      const uint64_t start = from[0] | static_cast<uint64_t>(from[1]) << 32;
      if (start % 16 != 0) raise(FaultKind::misaligned, "a row of a matrix that is not aligned to 16 bytes", code);
      if (start - reach.statics >= reach.statics_size && start - reach.dynamic >= reach.dynamic_size) {
        raise(FaultKind::address, "a row of a matrix that does not lie in shared memory", code);
      }
      const auto* source = reinterpret_cast<const uint16_t*>(start) + element;
      on_read(source, sizeof *source, code);
      result.v[matrix] |= static_cast<uint32_t>(*source) << 16 * half;
    }
  }
  return result;
}

void copy_async(void* target, const void* source, int bytes, int count) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  Thread& thread = *block.current;
  if (reinterpret_cast<uintptr_t>(target) % bytes != 0 || reinterpret_cast<uintptr_t>(source) % bytes != 0) {
    raise(FaultKind::misaligned,
          "asynchronous copy of " + std::to_string(bytes) + " bytes between misaligned addresses", code);
  }
  if (count < 0 || count > bytes) raise(FaultKind::other, "asynchronous copy of a part larger than the whole", code);
  if (!is_device_address(source)) {
    raise(FaultKind::address, "asynchronous copy from what is not device memory", code);
  }
  if (count > 0) on_read(source, count, code);
  on_copy_start(target, bytes, code);
  PendingCopy copy{target, bytes, thread.copy_group, {}};
  std::memcpy(copy.data, source, count);
  thread.copies.push_back(copy);
}

void copy_async_commit() {
  const Unwatched unwatched;
  ++block.current->copy_group;
}

void copy_async_wait(int pending) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  Thread& thread = *block.current;
  size_t done = 0;
  while (done < thread.copies.size() && thread.copies[done].group < thread.copy_group - pending) {
    const PendingCopy& copy = thread.copies[done++];
    on_write(copy.target, copy.bytes, code);
    std::memcpy(copy.target, copy.data, copy.bytes);
  }
  thread.copies.erase(thread.copies.begin(), thread.copies.begin() + done);
}

}  // namespace lmspt::emulation

// ---- atomics ----

namespace {

using namespace lmspt::emulation;

template <class T, class Change>
__attribute__((always_inline)) inline T change(T* address, Change change) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  on_atomic(address, sizeof(T), code);
  const T old = *address;
  *address = change(old);
  return old;
}

}  // namespace

#define LMSPT_ATOMIC(type, name, expression)                                  \
  type name(type* address, type value) {                                      \
    return change(address, [value](type old) -> type { return expression; }); \
  }
LMSPT_ATOMIC(int, atomicAdd, static_cast<int>(static_cast<unsigned>(old) + static_cast<unsigned>(value)))
LMSPT_ATOMIC(unsigned, atomicAdd, old + value)
LMSPT_ATOMIC(unsigned long long, atomicAdd, old + value)
LMSPT_ATOMIC(float, atomicAdd, old + value)
LMSPT_ATOMIC(double, atomicAdd, old + value)
LMSPT_ATOMIC(int, atomicMax, old > value ? old : value)
LMSPT_ATOMIC(unsigned, atomicMax, old > value ? old : value)
LMSPT_ATOMIC(unsigned long long, atomicMax, old > value ? old : value)
LMSPT_ATOMIC(int, atomicMin, old < value ? old : value)
LMSPT_ATOMIC(unsigned, atomicMin, old < value ? old : value)
LMSPT_ATOMIC(unsigned long long, atomicMin, old < value ? old : value)
LMSPT_ATOMIC(unsigned, atomicOr, old | value)
LMSPT_ATOMIC(unsigned, atomicAnd, old& value)
LMSPT_ATOMIC(int, atomicExch, (static_cast<void>(old), value))
LMSPT_ATOMIC(unsigned, atomicExch, (static_cast<void>(old), value))

#define LMSPT_CAS(type)                                                                      \
  type atomicCAS(type* address, type expected, type value) {                                 \
    return change(address, [=](type old) -> type { return old == expected ? value : old; }); \
  }
LMSPT_CAS(int)
LMSPT_CAS(unsigned)
LMSPT_CAS(unsigned long long)
