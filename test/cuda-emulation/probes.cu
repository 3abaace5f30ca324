// The emulation's own tests: kernels with planted mistakes, each of which must be found and named, kernels without any,
// and the instructions of the tensor cores against formulas. Prints a line for each and "N passed, N failed".
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "cuda-emulation/probes.h"
#include "device/cuda/launch.h"

using namespace lmspt::cuda;

int passed = 0, failed = 0;

namespace {

// ---- kernels with mistakes ----

__global__ void missing_barrier(float* out) {
  __shared__ float tile[64];
  tile[threadIdx.x] = static_cast<float>(threadIdx.x);
  out[threadIdx.x] = tile[threadIdx.x / 2];
}

__global__ void write_after_read(float* out) {
  __shared__ float tile[64];
  tile[threadIdx.x] = 1.f;
  __syncthreads();
  const float neighbour = tile[(threadIdx.x + 1) % 64];
  tile[threadIdx.x] = neighbour + 1.f;  // the neighbour may not have read it yet
  out[threadIdx.x] = neighbour;
}

__global__ void two_writers(float* out) {
  __shared__ float cell;
  cell = static_cast<float>(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = cell;
}

__global__ void missing_warp_barrier(float* out) {
  __shared__ float tile[32];
  tile[threadIdx.x] = 1.f;
  out[threadIdx.x] = tile[threadIdx.x / 2];
}

__global__ void warp_barrier_across_warps(float* out) {
  __shared__ float tile[64];
  tile[threadIdx.x] = 1.f;
  __syncwarp();
  out[threadIdx.x] = tile[threadIdx.x % 32];
}

__global__ void divergent_barrier(float* out) {
  if (threadIdx.x < 32) {
    __syncthreads();
    out[threadIdx.x] = 1.f;
  } else {
    out[threadIdx.x] = 2.f;
    __syncthreads();
  }
}

__global__ void early_return(float* out) {
  if (threadIdx.x >= 40) return;
  __syncthreads();
  out[threadIdx.x] = 1.f;
}

__global__ void divergent_shuffle(float* out) {
  float value = 1.f;
  if (threadIdx.x < 16) value = __shfl_xor_sync(0xffffffffu, value, 1);
  out[threadIdx.x] = value;
}

__global__ void shuffle_from_absent_lane(float* out) {
  float value = 1.f;
  if (threadIdx.x < 16) value = __shfl_sync(0x0000ffffu, value, 20);
  out[threadIdx.x] = value;
}

__global__ void shared_unwritten(float* out) {
  __shared__ float tile[64];
  if (threadIdx.x < 60) tile[threadIdx.x] = 1.f;
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x];
}

__global__ void left_by_block_before(float* out) {
  __shared__ float tile[32];
  if (blockIdx.x == 0) tile[threadIdx.x] = 1.f;
  __syncthreads();
  out[threadIdx.x + 32 * blockIdx.x] = tile[threadIdx.x];
}

__global__ void read_at(const float* x, float* out, int64_t index) { out[threadIdx.x] = x[index]; }
__global__ void write_at(float* out, int64_t index) { out[index] = 1.f; }

__global__ void dynamic_beyond(float* out, int index) {
  float* tile = dynamic_shared<float>();
  tile[index + threadIdx.x] = 1.f;
  out[threadIdx.x] = 1.f;
}

__global__ void index_beyond_array(float* out, int index) {
  __shared__ float tile[32];
  __shared__ float other[32];
  tile[threadIdx.x] = 1.f;
  other[threadIdx.x] = 1.f;
  __syncthreads();
  out[threadIdx.x] = tile[index] + other[threadIdx.x];
}

__global__ void misaligned(const float* x, float* out) {
  const float4 v = *reinterpret_cast<const float4*>(x + 1);
  out[0] = v.x + v.y + v.z + v.w;
}

__global__ void host_pointer(const float* x, float* out) { out[0] = *x; }

__global__ void blocks_write_the_same(float* out) { out[threadIdx.x] = static_cast<float>(blockIdx.x); }
__global__ void block_reads_another(float* out) {
  if (blockIdx.x == 0) out[threadIdx.x] = 1.f;
  if (blockIdx.x == 1) out[threadIdx.x + 32] = out[threadIdx.x];
}

__global__ void block_writes_what_another_read(float* out) {
  if (blockIdx.x == 0) out[threadIdx.x + 32] = out[threadIdx.x];
  if (blockIdx.x == 1) out[threadIdx.x] = 1.f;
}
__global__ void device_memory_without_barrier(float* out) {
  out[threadIdx.x] = 1.f;
  out[64 + threadIdx.x] = out[(threadIdx.x + 32) % 64];
}

__global__ void copy_without_wait(const float* x, float* out) {
  __shared__ __align__(16) float tile[128];
  copy_async<16>(tile + 4 * threadIdx.x, x + 4 * threadIdx.x);
  copy_async_commit();
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x];
}

__global__ void copy_without_barrier(const float* x, float* out) {
  __shared__ __align__(16) float tile[128];
  copy_async<16>(tile + 4 * threadIdx.x, x + 4 * threadIdx.x);
  copy_async_commit();
  copy_async_wait<0>();
  out[threadIdx.x] = tile[threadIdx.x];
}

__global__ void copy_waits_for_too_few(const float* x, float* out) {
  __shared__ __align__(16) float tile[256];
  for (int half = 0; half < 2; ++half) {
    copy_async<16>(tile + 128 * half + 4 * threadIdx.x, x + 128 * half + 4 * threadIdx.x);
    copy_async_commit();
  }
  copy_async_wait<1>();
  __syncthreads();
  out[threadIdx.x] = tile[128 + threadIdx.x];
}

// ---- kernels without ----

__global__ void reversed(const float* x, float* out) {
  __shared__ float tile[64];
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = tile[63 - threadIdx.x];
}

__global__ void through_device_memory(float* out) {
  out[threadIdx.x] = static_cast<float>(threadIdx.x);
  __syncthreads();
  const float other = out[63 - threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = other;
}

__global__ void warp_sums(const float* x, float* out) {
  float value = x[threadIdx.x];
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(0xffffffffu, value, distance);
  __shared__ float sums[2];
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0) out[0] = sums[0] + sums[1];
}

__global__ void warp_exchange(const float* x, float* out) {
  __shared__ float tile[64];
  tile[threadIdx.x] = x[threadIdx.x];
  __syncwarp();
  const float other = tile[threadIdx.x ^ 31];
  __syncwarp();
  tile[threadIdx.x] = other;
  out[threadIdx.x] = tile[threadIdx.x];
}

// A number of bits set, a place in a prefix, votes.
__global__ void votes(int* out) {
  const int lane = threadIdx.x;
  const unsigned odd = __ballot_sync(0xffffffffu, lane & 1);
  int prefix = 1;
  for (unsigned distance = 1; distance < 32; distance *= 2) {
    const int before = __shfl_up_sync(0xffffffffu, prefix, distance);
    if (lane >= static_cast<int>(distance)) prefix += before;
  }
  const int next = __shfl_down_sync(0xffffffffu, lane, 1, 8);
  const bool any = __any_sync(0xffffffffu, lane == 7), all = __all_sync(0xffffffffu, lane < 31);
  const int count = __syncthreads_count(lane < 5);
  out[lane] = odd == 0xaaaaaaaau && prefix == lane + 1 && next == (lane % 8 == 7 ? lane : lane + 1) && any && !all &&
              count == 5;
}

__global__ void shared_histogram(const int* x, int* out) {
  __shared__ int counts[8];
  if (threadIdx.x < 8) counts[threadIdx.x] = 0;
  __syncthreads();
  atomicAdd(&counts[x[threadIdx.x] & 7], 1);
  __syncthreads();
  if (threadIdx.x < 8) atomicAdd(out + threadIdx.x, counts[threadIdx.x]);
}

__global__ void copies(const float* x, float* out) {
  __shared__ __align__(16) float tile[3 * 128];
  copy_async<16>(tile + 4 * threadIdx.x, x + 4 * threadIdx.x, 16 - 4 * (threadIdx.x % 5));
  copy_async_commit();
  copy_async<8>(tile + 128 + 2 * threadIdx.x, x + 2 * threadIdx.x);
  copy_async_commit();
  copy_async<4>(tile + 256 + threadIdx.x, x + threadIdx.x, threadIdx.x % 2 ? 4 : 0);
  copy_async_commit();
  copy_async_wait<1>();
  __syncthreads();
  for (int i = 0; i < 4; ++i) out[4 * threadIdx.x + i] = tile[4 * threadIdx.x + i];
  for (int i = 0; i < 2; ++i) out[128 + 2 * threadIdx.x + i] = tile[128 + 2 * threadIdx.x + i];
  copy_async_wait<0>();
  __syncthreads();
  out[192 + threadIdx.x] = tile[256 + threadIdx.x];
}

// out (16 x 8) = c + a (16 x 8) b (8 x 8, given by columns)
__global__ void tf32_product(const float* a, const float* b, const float* c, float* out) {
  const int group = threadIdx.x / 4, place = threadIdx.x % 4;
  const uint32_t ra[4] = {to_tf32(a[group * 8 + place]), to_tf32(a[(group + 8) * 8 + place]),
                          to_tf32(a[group * 8 + place + 4]), to_tf32(a[(group + 8) * 8 + place + 4])};
  const uint32_t rb[2] = {to_tf32(b[group * 8 + place]), to_tf32(b[group * 8 + place + 4])};
  float d[4];
  for (int i = 0; i < 4; ++i) d[i] = c[(group + i / 2 * 8) * 8 + 2 * place + i % 2];
  multiply_tf32(d, ra, rb);
  for (int i = 0; i < 4; ++i) out[(group + i / 2 * 8) * 8 + 2 * place + i % 2] = d[i];
}

// The same of a (16 x 16) and b (16 x 8, by columns) through shared memory and load_matrix; b_rows holds b by rows.
template <bool transposed>
__global__ void bf16_product(const float* a, const float* b, const float* b_rows, const float* c, float* out) {
  __shared__ __align__(16) __nv_bfloat16 sa[16][16], sb[8][16], st[16][8];
  for (int i = threadIdx.x; i < 256; i += 32) sa[i / 16][i % 16] = __float2bfloat16_rn(a[i]);
  for (int i = threadIdx.x; i < 128; i += 32) sb[i / 16][i % 16] = __float2bfloat16_rn(b[i]);
  for (int i = threadIdx.x; i < 128; i += 32) st[i / 8][i % 8] = __float2bfloat16_rn(b_rows[i]);
  __syncwarp();
  const int lane = threadIdx.x, group = lane / 4, place = lane % 4;
  uint32_t ra[4], rb[2];
  load_matrix(ra, &sa[lane % 16][lane / 16 * 8]);
  if constexpr (transposed) {
    load_matrix<true>(rb, &st[lane % 16][0]);
  } else {
    load_matrix(rb, &sb[lane % 8][lane / 8 % 2 * 8]);
  }
  float d[4];
  for (int i = 0; i < 4; ++i) d[i] = c[(group + i / 2 * 8) * 8 + 2 * place + i % 2];
  multiply_bf16(d, ra, rb);
  for (int i = 0; i < 4; ++i) out[(group + i / 2 * 8) * 8 + 2 * place + i % 2] = d[i];
}

// The words that each lane receives of four matrices of numbered elements.
template <bool transposed>
__global__ void matrices(uint32_t* out) {
  __shared__ __align__(16) uint16_t tile[32][8];
  for (int i = 0; i < 8; ++i) tile[threadIdx.x][i] = static_cast<uint16_t>(threadIdx.x * 8 + i);
  __syncwarp();
  uint32_t r1[1], r2[2], r4[4];
  load_matrix<transposed>(r1, tile[threadIdx.x % 8]);
  load_matrix<transposed>(r2, tile[threadIdx.x % 16]);
  load_matrix<transposed>(r4, tile[threadIdx.x]);
  uint32_t* words = out + 7 * threadIdx.x;
  words[0] = r1[0];
  for (int i = 0; i < 2; ++i) words[1 + i] = r2[i];
  for (int i = 0; i < 4; ++i) words[3 + i] = r4[i];
}

__global__ void packing(const float* x, uint32_t* out, int count) {
  for (int i = threadIdx.x; i < count; i += 32) {
    const uint32_t pair = pack_bf16(x[i], x[(i + 1) % count]);
    out[3 * i] = pair;
    out[3 * i + 1] = __float_as_uint(low_of_bf16(pair)) | __float_as_uint(high_of_bf16(pair)) >> 16;
    out[3 * i + 2] = to_tf32(x[i]);
  }
}

__global__ void grid_places(int* out) {
  const int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 1000 + thread;
}

// ---- the tests ----

void find_mistakes() {
  const auto floats = [](size_t count) {
    float* data = nullptr;
    check(cudaMalloc(reinterpret_cast<void**>(&data), count * sizeof(float)), "allocate");
    return data;
  };
  const auto filled = [&](size_t count) {
    float* data = floats(count);
    check(cudaMemset(data, 0, count * sizeof(float)), "fill");
    return data;
  };
  finds("a missing barrier", {"race: read of 4 bytes of shared memory", "tile", "missing_barrier", "probes.cu:"},
        missing_barrier, 1, 64, 0, floats(64));
  finds("a write after another thread's read", {"race: write", "read"}, write_after_read, 1, 64, 0, floats(64));
  finds("two writers of one cell", {"race: write", "wrote", "cell"}, two_writers, 1, 64, 0, floats(64));
  finds("a missing barrier within a warp", {"race: read"}, missing_warp_barrier, 1, 32, 0, floats(32));
  finds("a warp's barrier where the block's is needed", {"race: read"}, warp_barrier_across_warps, 1, 64, 0,
        floats(64));
  finds("threads at different barriers", {"divergence", "probes.cu:"}, divergent_barrier, 1, 64, 0, floats(64));
  finds("a thread that ends while others wait", {"divergence", "has ended"}, early_return, 1, 64, 0, floats(64));
  finds("a shuffle that some lanes miss", {"divergence", "waits for its warp"}, divergent_shuffle, 1, 32, 0,
        floats(32));
  finds("a shuffle from a lane that takes no part", {"reads lane 20"}, shuffle_from_absent_lane, 1, 32, 0, floats(32));
  finds("a block of part of a warp that shuffles", {"the block has only 16 threads"}, divergent_shuffle, 1, 16, 0,
        floats(32));
  finds("a read of shared memory that nothing wrote", {"shared memory that was never written"}, shared_unwritten, 1, 64,
        0, floats(64));
  finds("a read of what an earlier block left in shared memory", {"never written", "block (1, 0, 0)"},
        left_by_block_before, 2, 32, 0, floats(64));
  finds("a read of device memory that nothing wrote",
        {"device memory that was never written", "12 bytes after the start"}, read_at, 1, 1, 0, floats(8), floats(8),
        3);
  finds("a read past the end",
        {"read of 4 bytes of device memory", "0 bytes after the end of an allocation of 32 bytes"}, read_at, 1, 1, 0,
        filled(8), floats(8), 8);
  finds("a write before the start", {"write of 4 bytes of device memory", "thread (0, 0, 0)"}, write_at, 1, 1, 0,
        filled(8), -1);
  finds("a write far away", {"write of 4 bytes"}, write_at, 1, 1, 0, filled(8), int64_t{1} << 45);
  float* freed = filled(8);
  cudaFree(freed);
  finds("a read of freed memory", {"read of 4 bytes of device memory"}, read_at, 1, 1, 0, freed, floats(8), 0);
  finds("an index beyond dynamic shared memory", {"256 bytes after the start of 256 bytes"}, dynamic_beyond, 1, 32, 256,
        floats(64), 33);
  finds("an index beyond a shared array", {"index 32 lies outside"}, index_beyond_array, 1, 32, 0, floats(32), 32);
  finds("a misaligned vector", {"misaligned address, 4 bytes past a multiple of 16"}, misaligned, 1, 1, 0, filled(8),
        floats(8));
  float host = 1;
  finds("a pointer to host memory", {"neither device memory nor shared"}, host_pointer, 1, 1, 0, &host, floats(1));
  finds("blocks that write the same place", {"that another block of this launch wrote"}, blocks_write_the_same, 2, 32,
        0, floats(64));
  finds("a block that reads what another writes", {"read of 4 bytes of device memory that another block"},
        block_reads_another, 2, 32, 0, filled(64));
  finds("a block that writes what another reads",
        {"write of 4 bytes of device memory that another block of this launch read"}, block_writes_what_another_read, 2,
        32, 0, filled(64));
  finds("threads that exchange device memory without a barrier", {"race: ", "of device memory that thread number 0 "},
        device_memory_without_barrier, 1, 64, 0, filled(128));
  finds("a copy that was not waited for", {"is being copied to"}, copy_without_wait, 1, 32, 0, filled(128), floats(32));
  finds("a copy of another thread without a barrier", {"of shared memory"}, copy_without_barrier, 1, 32, 0, filled(128),
        floats(32));
  finds("a wait for too few copies", {"is being copied to"}, copy_waits_for_too_few, 1, 32, 0, filled(256), floats(32));
}

// c + a (16 x depth) b, rounded once, with b by columns.
template <class Round>
float product(const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& c, int depth,
              size_t i, Round round) {
  double sum = 0;
  for (int k = 0; k < depth; ++k) {
    sum += static_cast<double>(round(a[i / 8 * depth + k])) * round(b[i % 8 * depth + k]);
  }
  return static_cast<float>(c[i] + sum);
}

// The word that a lane receives of matrix m whose element (row, column) is m * 64 + row * 8 + column.
uint32_t matrix_word(int m, int lane, bool transposed) {
  uint32_t word = 0;
  for (int half = 0; half < 2; ++half) {
    const int group = lane / 4, other = 2 * (lane % 4) + half;
    const int row = transposed ? other : group, column = transposed ? group : other;
    word |= static_cast<uint32_t>(m * 64 + row * 8 + column) << 16 * half;
  }
  return word;
}

void run_instructions() {
  {
    const std::vector<float> a = numbers(128), b = numbers(64), c = numbers(128);
    const Memory<float> da(a), db(b), dc(c), out(128);
    expect("a tf32 product", run(tf32_product, 1, 32, 0, da.data(), db.data(), dc.data(), out.data()), out,
           [&](size_t i) { return product(a, b, c, 8, i, rounded_tf32); });
  }
  const std::vector<float> a = numbers(256), b = numbers(128), c = numbers(128);
  std::vector<float> b_rows(128);
  for (int i = 0; i < 128; ++i) b_rows[i % 16 * 8 + i / 16] = b[i];
  const Memory<float> da(a), db(b), dr(b_rows), dc(c), out(128);
  const auto expected = [&](size_t i) { return product(a, b, c, 16, i, rounded_bf16); };
  expect("a bf16 product of loaded matrices",
         run(bf16_product<false>, 1, 32, 0, da.data(), db.data(), dr.data(), dc.data(), out.data()), out, expected);
  expect("a bf16 product of a matrix loaded transposed",
         run(bf16_product<true>, 1, 32, 0, da.data(), db.data(), dr.data(), dc.data(), out.data()), out, expected);
  for (const bool transposed : {false, true}) {
    const Memory<uint32_t> words(7 * 32);
    expect(transposed ? "matrices loaded transposed" : "matrices loaded",
           run(transposed ? matrices<true> : matrices<false>, 1, 32, 0, words.data()), words, [&](size_t i) {
             const int at = static_cast<int>(i % 7), lane = static_cast<int>(i / 7);
             return matrix_word(at < 1 ? 0 : (at < 3 ? at - 1 : at - 3), lane, transposed);
           });
  }
  // Halfway cases: to even in bf16, away from zero in tf32.
  const std::vector<float> x{1.f,   1.00390625f, 1.01171875f, -1.00390625f, 1.00048828125f, -1.00048828125f,
                             3e38f, INFINITY,    0.f,         -0.f,         1e-40f};
  const Memory<float> dx(x);
  const Memory<uint32_t> packed(3 * x.size());
  const auto bits = [](float value) { return __float_as_uint(value); };
  const std::vector<uint32_t> tf32{bits(1.f),
                                   bits(1.00390625f),
                                   bits(1.01171875f),
                                   bits(-1.00390625f),
                                   bits(1.0009765625f),
                                   bits(-1.0009765625f),
                                   bits(rounded_tf32(3e38f)),
                                   bits(INFINITY),
                                   bits(0.f),
                                   bits(-0.f),
                                   (bits(1e-40f) + 0x1000u) & 0xffffe000u};
  const std::vector<uint32_t> bf16{0x3f80, 0x3f80, 0x3f82, 0xbf80, 0x3f80, 0xbf80, 0x7f62, 0x7f80, 0, 0x8000, 0x0001};
  expect("packing and rounding", run(packing, 1, 32, 0, dx.data(), packed.data(), static_cast<int>(x.size())), packed,
         [&](size_t i) {
           const size_t at = i / 3, next = (at + 1) % x.size();
           if (i % 3 == 0) return bf16[at] | bf16[next] << 16;
           return i % 3 == 1 ? bf16[at] << 16 | bf16[next] : tf32[at];
         });
  {
    const std::vector<float> source = numbers(128);
    const Memory<float> ds(source), copied(224);
    expect("asynchronous copies with zeros for the rest", run(copies, 1, 32, 0, ds.data(), copied.data()), copied,
           [&](size_t i) {
             if (i < 128) return static_cast<int>(i % 4) < 4 - static_cast<int>(i / 4 % 5) ? source[i] : 0.f;
             return i < 192 ? source[i - 128] : (i % 2 ? source[i - 192] : 0.f);
           });
  }
}

void run_sound_kernels() {
  const std::vector<float> x = numbers(64);
  const Memory<float> dx(x), out(64), sum(1);
  expect("a barrier", run(reversed, 1, 64, 0, dx.data(), out.data()), out, [&](size_t i) { return x[63 - i]; });
  expect("device memory that threads exchange", run(through_device_memory, 1, 64, 0, out.data()), out,
         [](size_t i) { return static_cast<float>(63 - i); });
  expect("a warp's barriers", run(warp_exchange, 1, 64, 0, dx.data(), out.data()), out,
         [&](size_t i) { return x[i ^ 31]; });
  expect("sums by shuffles", run(warp_sums, 1, 64, 0, dx.data(), sum.data()), sum, [&](size_t) {
    float lanes[2][32], total[2];
    for (int i = 0; i < 64; ++i) lanes[i / 32][i % 32] = x[i];
    for (int w = 0; w < 2; ++w) {
      for (int distance = 16; distance > 0; distance /= 2) {
        float next[32];
        for (int i = 0; i < 32; ++i) next[i] = lanes[w][i] + lanes[w][i ^ distance];
        std::memcpy(lanes[w], next, sizeof next);
      }
      total[w] = lanes[w][0];
    }
    return total[0] + total[1];
  });
  const Memory<int> flags(32);
  expect("votes, prefixes and counts", run(votes, 1, 32, 0, flags.data()), flags, [](size_t) { return 1; });
  std::vector<int> values(256);
  for (int i = 0; i < 256; ++i) values[i] = i * i;
  std::vector<int> expected(8);
  for (int value : values) expected[value & 7] += 2;  // of two blocks
  const Memory<int> dv(values), histogram(std::vector<int>(8, 0));
  expect("atomics in shared and device memory", run(shared_histogram, 2, 256, 0, dv.data(), histogram.data()),
         histogram, [&](size_t i) { return expected[i]; });
  const Memory<int> places(2 * 3 * 2 * 60);
  expect("places in grids of three dimensions", run(grid_places, dim3(2, 3, 2), dim3(5, 4, 3), 0, places.data()),
         places, [](size_t i) { return static_cast<int>(i / 60 * 1000 + i % 60); });
}

__global__ void add_one(float* x) { x[threadIdx.x] += 1.f; }

void enqueue(cudaStream_t stream, float* x) {
  cudaLaunchConfig_t config{};
  config.blockDim = dim3(32);
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, add_one, x), "launch a kernel");
}

void run_streams() {
  cudaStream_t one, two;
  cudaEvent_t event;
  check(cudaStreamCreateWithFlags(&one, cudaStreamNonBlocking), "make a stream");
  check(cudaStreamCreateWithFlags(&two, cudaStreamNonBlocking), "make a stream");
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "make an event");
  const Memory<float> x(std::vector<float>(32, 0.f));
  float* host = nullptr;
  check(cudaMallocHost(reinterpret_cast<void**>(&host), 128), "pin memory");
  host[0] = -1;
  enqueue(one, x.data());
  check(cudaMemcpyAsync(host, x.data(), 128, cudaMemcpyDeviceToHost, one), "copy");
  report("work waits until somebody waits for it", host[0] == -1 && cudaStreamQuery(one) == cudaErrorNotReady);
  check(cudaEventRecord(event, one), "record");
  check(cudaStreamWaitEvent(two, event), "wait");
  enqueue(two, x.data());
  check(cudaStreamSynchronize(two), "synchronize");
  report("a stream that waits for an event comes after it", host[0] == 1 && x.read()[0] == 2);

  cudaGraph_t graph;
  cudaGraphExec_t exec;
  check(cudaStreamBeginCapture(one, cudaStreamCaptureModeThreadLocal), "capture");
  enqueue(one, x.data());
  check(cudaMemcpyAsync(host, x.data(), 128, cudaMemcpyDeviceToHost, one), "copy");
  check(cudaStreamEndCapture(one, &graph), "capture");
  report("capturing runs nothing", x.read()[0] == 2);
  check(cudaGraphInstantiate(&exec, graph), "instantiate");
  check(cudaGraphDestroy(graph), "destroy");
  for (int i = 0; i < 3; ++i) check(cudaGraphLaunch(exec, one), "launch a graph");
  check(cudaStreamSynchronize(one), "synchronize");
  report("a graph can be launched again", host[0] == 5);
  check(cudaStreamBeginCapture(one, cudaStreamCaptureModeThreadLocal), "capture");
  void* memory = nullptr;
  const bool refused = cudaMalloc(&memory, 64) == cudaErrorStreamCaptureUnsupported;
  report("allocating ends a capture",
         refused && cudaStreamEndCapture(one, &graph) == cudaErrorStreamCaptureInvalidated);
  const Memory<float> unwritten(4);
  report("a copy of what nothing wrote fails",
         cudaMemcpy(host, unwritten.data(), 16, cudaMemcpyDeviceToHost) == cudaErrorIllegalAddress);
  check(cudaFreeHost(host), "free");
  cudaDeviceReset();
}

}  // namespace

int main() {
  find_mistakes();
  run_instructions();
  run_sound_kernels();
  run_streams();
  run_sm90_probes();
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
