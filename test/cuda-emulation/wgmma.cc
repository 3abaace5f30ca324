// Products of warp groups: computed when they are waited for, each thread its own sums, which are no numbers meanwhile.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "cuda-emulation/sm90_emulated.h"
#include "cuda-emulation/transfers.h"

namespace lmspt::emulation {

namespace {

constexpr int kGroupRows = 64;
constexpr int kMostK = 16;
constexpr Place kPlace{"a product of a warp group", 0};
enum Kind { kFence = 32, kCommit, kWait, kProduct, kProductOfRegisters };

struct Operand {
  uint32_t start = 0, leading = 0, stride = 0;  // bytes, as instructions_sm90.h says
};

// Rows of a in registers: those that the thread's sums need, its own words, and where it has them.
struct RegisterRows {
  float rows[2][kMostK];
  uint32_t words[4];
  const uint32_t* registers = nullptr;
};

struct Product {
  float* d;
  int columns, group;
  bool tf32, across, add;
  Operand a, b;
  RegisterRows of_registers{};
};

// The sums of products under way.
struct Sums {
  float* visible;             // where the thread has them, no numbers meanwhile
  std::vector<float> values;  // where they are
};

// Of a thread.
struct Work {
  std::vector<Product> products;
  std::vector<Sums> sums;
  int group = 0;
  int64_t count = 0;  // of products so far
  bool fenced = false;
};
std::array<Work, kMaxThreads>& works = *new std::array<Work, kMaxThreads>;

// The newest products that the warps of a group asked for, by their number.
struct Asked {
  int64_t number;
  uint64_t a, b;
};
constexpr int kAsked = 64;
std::array<std::array<Asked, kAsked>, kMaxThreads / 128>& asked =
    *new std::array<std::array<Asked, kAsked>, kMaxThreads / 128>;

Work& current_work() { return works[block.current->index]; }

// Warp groups are counted from the first thread of a block.
int warp_in_group() { return block.current->index % block.threads_of_block / kLanes % 4; }
int group_in_cluster() {
  const int rank = block.current->index / block.threads_of_block, size = (block.threads_of_block + 127) / 128;
  return rank * size + block.current->index % block.threads_of_block / 128;
}

bool all_lanes_agree(const Meeting::Page& page, int count) {
  for (int lane = 1; lane < kLanes; ++lane) {
    if (std::memcmp(page.in[lane], page.in[0], count * sizeof(uint32_t)) != 0) return false;
  }
  return true;
}

// Operands along K may begin with any row of a swizzle block.
Operand operand_of(uint64_t descriptor, bool across, const void* code) {
  const auto field = [&](int bit) { return static_cast<uint32_t>(descriptor >> bit & 0x3fff) << 4; };
  if (descriptor >> 62 != 1 || (descriptor >> 49 & 7) != 0) {
    raise(FaultKind::other, "an operand that is not described as swizzled by 128 bytes", code);
  }
  const Operand operand{field(0), field(16), field(32)};
  if (across && operand.start / 128 % 8 != 0) {
    raise(FaultKind::misaligned, "an operand that does not begin with the first row of a swizzle block", code);
  }
  if (operand.stride % 1024 != 0) {
    raise(FaultKind::misaligned, "an operand whose swizzle blocks are not a multiple of 1024 bytes apart", code);
  }
  return operand;
}

uintptr_t base_of_block() { return reinterpret_cast<uintptr_t>(dynamic_shared()); }

// The 1024 bytes, one after the other, that an operand's `count` rows or columns lie in.
template <class Visit>
void each_block(const Product& p, const Operand& operand, int count, const Visit& visit) {
  const uint32_t first = operand.start & ~127u;
  if (p.across) {
    for (int i = 0; i < count / 64; ++i) {
      for (int k = 0; k < 2; ++k) visit(base_of_block() + first + i * operand.leading + k * operand.stride);
    }
  } else {
    for (int i = 0; i < count / 8; ++i) visit(base_of_block() + first + i * operand.stride);
  }
}

uint32_t swizzled(uint32_t at) { return at ^ (at >> 7 & 7) << 4; }

float number(uint32_t bits, bool tf32) { return std::bit_cast<float>(tf32 ? bits & 0xffffe000u : bits << 16); }

// The K elements of row or column i.
void load_line(const Product& p, const Operand& operand, int i, float* values) {
  const char* base = reinterpret_cast<const char*>(base_of_block());
  if (p.across) {
    const uint32_t first = operand.start + i / 64 * operand.leading + i % 64 * 2;
    for (int k = 0; k < 16; ++k) {
      uint16_t bits;
      std::memcpy(&bits, base + swizzled(first + k / 8 * operand.stride + k % 8 * 128), sizeof bits);
      values[k] = number(bits, false);
    }
    return;
  }
  const uint32_t first = operand.start + i / 8 * operand.stride + i % 8 * 128;
  for (int chunk = 0; chunk < 2; ++chunk) {
    const char* source = base + swizzled(first + 16 * chunk);
    if (p.tf32) {
      uint32_t words[4];
      std::memcpy(words, source, sizeof words);
      for (int k = 0; k < 4; ++k) values[4 * chunk + k] = number(words[k], true);
    } else {
      uint16_t halves[8];
      std::memcpy(halves, source, sizeof halves);
      for (int k = 0; k < 8; ++k) values[8 * chunk + k] = number(halves[k], false);
    }
  }
}

// The rows of a that the thread's sums need.
void load_rows(const Product& p, float (&rows)[2][kMostK]) {
  if (!p.of_registers.registers) {
    for (int half = 0; half < 2; ++half) {
      load_line(p, p.a, 16 * warp_in_group() + block.current->lane / 4 + 8 * half, rows[half]);
    }
    return;
  }
  if (std::memcmp(p.of_registers.registers, p.of_registers.words, sizeof p.of_registers.words) != 0) {
    raise(FaultKind::other, "an operand in registers that changed before its product was waited for");
  }
  std::memcpy(rows, p.of_registers.rows, sizeof rows);
}

void compute(const Product& p, std::vector<float>& sums) {
  const int lane = block.current->lane, count = p.tf32 ? 8 : 16;
  float rows[2][kMostK], column[kMostK];
  load_rows(p, rows);
  for (int j = 0; j < p.columns / 8; ++j) {
    for (int e = 0; e < 2; ++e) {
      load_line(p, p.b, 8 * j + lane % 4 * 2 + e, column);
      for (int half = 0; half < 2; ++half) {
        double sum = p.add ? sums[4 * j + 2 * half + e] : 0.0;
        for (int k = 0; k < count; ++k) sum += static_cast<double>(rows[half][k]) * column[k];
        sums[4 * j + 2 * half + e] = static_cast<float>(sum);
      }
    }
  }
}

template <class Visit>
void each_operand_block(const Product& p, const Visit& visit) {
  if (!p.of_registers.registers) each_block(p, p.a, kGroupRows, visit);
  each_block(p, p.b, p.columns, visit);
}

Sums* sums_at(Work& work, const float* d) {
  for (Sums& sums : work.sums) {
    if (sums.visible == d) return &sums;
  }
  return nullptr;
}

// By each thread; the four warps of a group ask for the same products.
void start(const Product& product, uint64_t a, uint64_t b, const void* code) {
  Work& work = current_work();
  Sums* sums = sums_at(work, product.d);
  if (!work.fenced && (!sums || product.of_registers.registers)) {
    raise(FaultKind::other, "a product of a warp group without wgmma_fence", code);
  }
  const int64_t number = ++work.count;
  Asked& other = asked[group_in_cluster()][number % kAsked];
  if (other.number == number && (other.a != a || other.b != b)) {
    raise(FaultKind::other, "warps of a group ask for different products", code);
  }
  if (other.number < number) other = {number, a, b};
  if (block.current->lane == 0) {
    each_operand_block(product, [&](uintptr_t address) { start_read(address, 1024, code); });
  }
  if (!sums) {
    const int count = product.columns / 2;
    for (const Sums& of : work.sums) {
      if (of.visible < product.d + count && product.d < of.visible + of.values.size()) {
        raise(FaultKind::other, "products of a warp group whose sums overlap others under way", code);
      }
    }
    work.sums.push_back({product.d, {product.d, product.d + count}});
    std::fill(product.d, product.d + count, std::numeric_limits<float>::quiet_NaN());
  }
  work.products.push_back(product);
}

}  // namespace

void begin_products() {
  for (int i = 0; i < block.thread_count; ++i) works[i] = {};
  for (auto& group : asked) group.fill({});
}

void wgmma_fence() {
  const Unwatched unwatched;
  meet(kPlace, kFence, 0xffffffffu, nullptr, 0);
  current_work().fenced = true;
}

void wgmma(float* d, int columns, bool tf32, bool across, uint64_t a, uint64_t b, bool add) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  const uint32_t words[] = {static_cast<uint32_t>(a), static_cast<uint32_t>(a >> 32), static_cast<uint32_t>(b),
                            static_cast<uint32_t>(b >> 32), static_cast<uint32_t>(add)};
  if (!all_lanes_agree(meet(kPlace, kProduct, 0xffffffffu, words, 5), 5)) {
    raise(FaultKind::other, "lanes of a warp ask for different products", code);
  }
  start({d, columns, current_work().group, tf32, across, add, operand_of(a, across, code), operand_of(b, across, code)},
        a, b, code);
}

void wgmma_of_registers(float* d, int columns, bool across, const uint32_t (&a)[4], uint64_t b, bool add) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  const uint32_t words[] = {
      static_cast<uint32_t>(b), static_cast<uint32_t>(b >> 32), static_cast<uint32_t>(add), a[0], a[1], a[2], a[3]};
  const Meeting::Page& page = meet(kPlace, kProductOfRegisters, 0xffffffffu, words, 7);
  if (!all_lanes_agree(page, 3)) raise(FaultKind::other, "lanes of a warp ask for different products", code);
  Product product{d, columns, current_work().group, false, across, add, {}, operand_of(b, across, code)};
  RegisterRows& own = product.of_registers;
  own.registers = a;
  std::memcpy(own.words, a, sizeof own.words);
  for (int k = 0; k < 16; ++k) {
    const uint32_t* of_lane = page.in[block.current->lane / 4 * 4 + k % 8 / 2];
    for (int half = 0; half < 2; ++half) {
      own.rows[half][k] = number(of_lane[3 + half + k / 8 * 2] >> k % 2 * 16, false);
    }
  }
  start(product, 0, b, code);
}

void wgmma_commit() {
  const Unwatched unwatched;
  meet(kPlace, kCommit, 0xffffffffu, nullptr, 0);
  ++current_work().group;
}

void wgmma_wait(int pending) {
  const Unwatched unwatched;
  meet(kPlace, kWait, 0xffffffffu, nullptr, 0);
  Work& work = current_work();
  size_t done = 0;
  while (done < work.products.size() && work.products[done].group < work.group - pending) {
    const Product& product = work.products[done++];
    compute(product, sums_at(work, product.d)->values);
    if (block.current->lane == 0) {
      each_operand_block(product, [](uintptr_t address) { finish_read(address, 1024); });
    }
  }
  if (done == 0) return;
  work.products.erase(work.products.begin(), work.products.begin() + static_cast<ptrdiff_t>(done));
  std::erase_if(work.sums, [&](const Sums& sums) {
    for (const Product& product : work.products) {
      if (product.d == sums.visible) return false;
    }
    std::copy(sums.values.begin(), sums.values.end(), sums.visible);
    work.fenced = false;
    return true;
  });
}

}  // namespace lmspt::emulation
