// All stages of a residual quantizer in one kernel. A block keeps the residuals of kRows rows in shared memory and goes
// through all codebooks with them: distances are in registers alone, and each code is read once for all rows of a
// block. A chain of kernels, one for each codebook, would split the codebooks of few rows over more blocks, but project
// each row once in every block, and begin eight times: 5 us a stage on an H200, where one block takes 2.3 us to project
// (1024 additions in order) and 1.2 us to read 4096 codes. For many rows it would write and read all residuals between
// stages. Products, norms and sums are in the CPU's order, so that codes are the CPU's to the bit wherever that fuses
// multiplication and addition.
#include "device/cuda/groups.h"
#include "device/cuda/instructions.h"
#include "gemm/panel.h"
#include "ops/quantizer/quantizer.h"

namespace lmspt::cuda {

namespace {

constexpr int kFour = 4;          // neighbouring codes or channels of a thread
constexpr int kMostOwnRows = 16;  // that a thread searches for
constexpr double kLeastNorm = 1e-12;

// Blocks for every multiprocessor of a large GPU; with fewer, a block takes fewer rows. In the emulation few rows take
// every kind of block.
#if defined(LMSPT_CUDA_EMULATED)
constexpr int64_t kManyBlocks = 2;
#else
constexpr int64_t kManyBlocks = 132;
#endif

struct Stage {
  const float *w_in, *b_in, *panels, *codebook, *w_out, *b_out, *base;
  int32_t* codes;
  int64_t lanes;  // codes of the panels
};

struct Quantizer {
  const float* x;
  int64_t rows;
  int latent, stages;
  Stage stage[kMostStages];

  // Floats from one row in shared memory to the next: rows begin in different banks.
  __host__ __device__ int pitch() const { return latent + kFour; }
};

// ---- kernels ----

__device__ inline float4 load_four(const float* p) { return *reinterpret_cast<const float4*>(p); }
__device__ inline float4 multiply_add(float a, float4 b, float4 c) {
  return make_float4(fmaf(a, b.x, c.x), fmaf(a, b.y, c.y), fmaf(a, b.z, c.z), fmaf(a, b.w, c.w));
}

// Threads of a block that have the same rows, each other codes.
template <int kRows>
constexpr int kTeam = kRows <= kMostOwnRows ? kThreads : kThreads * kMostOwnRows / kRows;

// The best four codes so far; lower ones win a tie.
struct Match {
  float product;
  int32_t first;

  __device__ void join(Match other) {
    if (other.product > product || (other.product == product && other.first < first)) *this = other;
  }
  __device__ void join_lane(Match given, int distance) {
    join({exchange(given.product, distance), exchange(given.first, distance)});
  }
};

// Eight features of a row in registers.
struct Features {
  float4 low, high;

  static __device__ Features load(const float* p) { return {load_four(p), load_four(p + 4)}; }
};

// What the features give with the rows of a matrix (8, four), summed in order.
__device__ inline float4 products_of(const Features& z, const float4 (&w)[kFeatures]) {
  float4 sum = make_float4(0, 0, 0, 0);
  sum = multiply_add(z.low.x, w[0], sum), sum = multiply_add(z.low.y, w[1], sum);
  sum = multiply_add(z.low.z, w[2], sum), sum = multiply_add(z.low.w, w[3], sum);
  sum = multiply_add(z.high.x, w[4], sum), sum = multiply_add(z.high.y, w[5], sum);
  sum = multiply_add(z.high.z, w[6], sum), sum = multiply_add(z.high.w, w[7], sum);
  return sum;
}

// Four neighbouring columns, a multiple of 4 the first, of a matrix of 8 rows in panels.
__device__ inline void load_columns(const float* panels, int64_t column, float4 (&w)[kFeatures]) {
  const float* source = panels + column / kPanelWidth * kFeatures * kPanelWidth + column % kPanelWidth;
#pragma unroll
  for (int i = 0; i < kFeatures; ++i) w[i] = load_four(source + i * kPanelWidth);
}

// Shared memory of a block of kRows rows.
template <int kRows>
struct Shared {
  float* residual;  // (kRows, pitch)
  float* w_in;      // (8, pitch)
  float* unit;      // (kRows, 8), projected and of length 1
  float* found;     // (kRows, 8), rows of the codebook
  Match* matches;   // (warps of a team, kRows)

  static __device__ Shared of(const Quantizer& q) {
    Shared shared;
    shared.residual = dynamic_shared<float>();
    shared.w_in = shared.residual + kRows * q.pitch();
    shared.unit = shared.w_in + kFeatures * q.pitch();
    shared.found = shared.unit + kRows * kFeatures;
    shared.matches = reinterpret_cast<Match*>(shared.found + kRows * kFeatures);
    return shared;
  }
  static size_t bytes(int latent) {
    const size_t floats = (kRows + kFeatures) * (latent + kFour) + 2 * kRows * kFeatures;
    return floats * sizeof(float) + kTeam<kRows> / kWarp * kRows * sizeof(Match);
  }
};

template <int kRows>
__device__ inline void copy_rows(const Quantizer& q, int64_t first, float* residual) {
  const int fours = q.latent / kFour;
  for (int i = threadIdx.x; i < kRows * fours; i += kThreads) {
    const int row = i / fours, channel = i % fours * kFour;
    const bool exists = first + row < q.rows;
    copy_async<16>(residual + row * q.pitch() + channel, q.x + (exists ? (first + row) * q.latent + channel : 0),
                   exists ? 16 : 0);
  }
}

// The weights of a projection, out of a panel (latent, 16), a row for each feature.
__device__ inline void copy_projection(const Quantizer& q, const Stage& stage, float* w_in) {
  for (int i = threadIdx.x; i < kFeatures * q.latent; i += kThreads) {
    const int feature = i % kFeatures, channel = i / kFeatures;
    copy_async<4>(w_in + feature * q.pitch() + channel, stage.w_in + channel * kPanelWidth + feature);
  }
}

// A thread has one feature of one row; the eight of a row are neighbours.
template <int kRows>
__device__ inline void project(const Quantizer& q, const Stage& stage, const Shared<kRows>& shared) {
  static_assert(kRows * kFeatures % kWarp == 0 && kRows * kFeatures <= kThreads);
  if (threadIdx.x >= kRows * kFeatures) return;
  const int row = threadIdx.x / kFeatures, feature = threadIdx.x % kFeatures;
  const float *left = shared.residual + row * q.pitch(), *right = shared.w_in + feature * q.pitch();
  float sum = 0;
#pragma unroll 8
  for (int k = 0; k < q.latent; k += kFour) {
    const float4 a = load_four(left + k), b = load_four(right + k);
    sum = fmaf(a.x, b.x, sum);
    sum = fmaf(a.y, b.y, sum);
    sum = fmaf(a.z, b.z, sum);
    sum = fmaf(a.w, b.w, sum);
  }
  const float value = sum + stage.b_in[feature];
  float* unit = shared.unit + row * kFeatures;
  unit[feature] = value;
  __syncwarp();
  double total = 0;
  for (int i = 0; i < kFeatures; ++i) total += static_cast<double>(unit[i]) * unit[i];
  total = sqrt(total);
  const double scale = 1 / (total > kLeastNorm ? total : kLeastNorm);
  __syncwarp();
  unit[feature] = static_cast<float>(value * scale);
}

// Joins what the lanes of a warp found for kCount rows. They share out the rows meanwhile: at each distance one half of
// the lanes goes on with one half of the rows. best[0] is then of the row that is returned.
template <int kCount, int kDistance, int kRows>
__device__ inline int join_lanes(Match (&best)[kRows], int lane) {
  if constexpr (kDistance == 0) {
    return 0;
  } else if constexpr (kCount == 1) {
    best[0].join_lane(best[0], kDistance);
    return join_lanes<1, kDistance / 2>(best, lane);
  } else {
    constexpr int kHalf = kCount / 2;
    const bool upper = (lane & kDistance) != 0;
#pragma unroll
    for (int i = 0; i < kHalf; ++i) {
      const Match low = best[i], high = best[i + kHalf];
      best[i] = upper ? high : low;
      best[i].join_lane(upper ? low : high, kDistance);
    }
    return (upper ? kHalf : 0) + join_lanes<kHalf, kDistance / 2>(best, lane);
  }
}

template <int kRows>
__device__ inline void search(const Stage& stage, const Shared<kRows>& shared) {
  constexpr int kOwn = kRows * kTeam<kRows> / kThreads;
  const int team = threadIdx.x / kTeam<kRows>, lane = threadIdx.x % kWarp;
  const float* units = shared.unit + team * kOwn * kFeatures;
  Match best[kOwn];
#pragma unroll
  for (int row = 0; row < kOwn; ++row) best[row] = {-INFINITY, 0};
  for (int64_t tile = 0; tile < stage.lanes; tile += kTeam<kRows> * kFour) {
    if constexpr (kOwn > 4) __syncwarp();  // many rows are read again for each tile, for want of registers
    const int64_t code = tile + threadIdx.x % kTeam<kRows> * kFour;
    if (code >= stage.lanes) continue;
    float4 w[kFeatures];
    load_columns(stage.panels, code, w);
#pragma unroll
    for (int row = 0; row < kOwn; ++row) {
      const float4 products = products_of(Features::load(units + row * kFeatures), w);
      const float largest = fmaxf(fmaxf(products.x, products.y), fmaxf(products.z, products.w));
      if (largest > best[row].product) best[row] = {largest, static_cast<int32_t>(code)};
    }
  }
  const int row = join_lanes<kOwn, kWarp / 2>(best, lane);
  const int warp = threadIdx.x % kTeam<kRows> / kWarp;
  if (lane % (kWarp / kOwn) == 0) shared.matches[warp * kRows + team * kOwn + row] = best[0];
}

// A thread for each row: the first of the best four codes that has their product; 0 where there is none.
template <int kRows>
__device__ inline void settle(const Quantizer& q, const Stage& stage, int64_t first, const Shared<kRows>& shared,
                              bool look_up) {
  const int row = threadIdx.x;
  if (row >= kRows || first + row >= q.rows) return;
  Match best = shared.matches[row];
  for (int warp = 1; warp < kTeam<kRows> / kWarp; ++warp) best.join(shared.matches[warp * kRows + row]);
  int32_t code = 0;
  if (best.product > -INFINITY) {
    float4 w[kFeatures];
    load_columns(stage.panels, best.first, w);
    const float4 products = products_of(Features::load(shared.unit + row * kFeatures), w);
    code = best.first;
    if (products.x != best.product) code += products.y == best.product ? 1 : products.z == best.product ? 2 : 3;
  }
  stage.codes[first + row] = code;
  if (!look_up) return;
  const float* source = stage.codebook + int64_t{code} * kFeatures;
  *reinterpret_cast<float4*>(shared.found + row * kFeatures) = load_four(source);
  *reinterpret_cast<float4*>(shared.found + row * kFeatures + kFour) = load_four(source + kFour);
}

template <int kRows>
__device__ inline void subtract(const Quantizer& q, const Stage& stage, int64_t first, const Shared<kRows>& shared) {
  const int rows = static_cast<int>(q.rows - first < kRows ? q.rows - first : kRows);
  for (int channel = threadIdx.x * kFour; channel < q.latent; channel += kThreads * kFour) {
    float4 w[kFeatures];
    load_columns(stage.w_out, channel, w);
    const float4 bias = load_four(stage.b_out + channel);
#pragma unroll 4
    for (int row = 0; row < rows; ++row) {
      const float4 part = products_of(Features::load(shared.found + row * kFeatures), w);
      float* residual = shared.residual + row * q.pitch() + channel;
      const float4 from = load_four(stage.base ? stage.base + (first + row) * q.latent + channel : residual);
      *reinterpret_cast<float4*>(residual) = make_float4(from.x - (part.x + bias.x), from.y - (part.y + bias.y),
                                                         from.z - (part.z + bias.z), from.w - (part.w + bias.w));
    }
  }
}

template <int kRows>
__global__ __launch_bounds__(kThreads, 2) void quantizer_kernel(const Quantizer q) {
  const Shared<kRows> shared = Shared<kRows>::of(q);
  for (int64_t first = int64_t{blockIdx.x} * kRows; first < q.rows; first += int64_t{gridDim.x} * kRows) {
    copy_rows<kRows>(q, first, shared.residual);
    copy_projection(q, q.stage[0], shared.w_in);
    copy_async_commit();
    for (int i = 0; i < q.stages; ++i) {
      const Stage& stage = q.stage[i];
      const bool is_last = i + 1 == q.stages;
      copy_async_wait<0>();
      __syncthreads();
      project(q, stage, shared);
      __syncthreads();
      if (!is_last) copy_projection(q, q.stage[i + 1], shared.w_in);
      copy_async_commit();
      search(stage, shared);
      __syncthreads();
      settle(q, stage, first, shared, !is_last);
      if (is_last) break;
      __syncthreads();
      subtract(q, stage, first, shared);
    }
    __syncthreads();  // before the next rows are copied over what is still read
  }
}

// ---- launchers ----

size_t most_shared_bytes() {
  int device = 0, bytes = 0;
  check(cudaGetDevice(&device), "find the current device");
  check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "describe the device");
  return static_cast<size_t>(bytes);
}

template <int kRows>
void quantize(const KernelContext& context, const Quantizer& q) {
  const int64_t blocks = std::min((q.rows + kRows - 1) / kRows, kMaxBlocks);
  launch(context, quantizer_kernel<kRows>,
         {dim3(static_cast<unsigned>(blocks)), kThreads, Shared<kRows>::bytes(q.latent)}, q);
}

void fused_quantizer(const KernelContext& context) {
  const Tensor x = context.in(0);
  Quantizer q{x.f32(), x.shape.count_before(x.shape.rank - 1), static_cast<int>(x.shape[-1]), context.output_count, {}};
  for (int i = 0; i < q.stages; ++i) {
    const auto input = [&](StageInput of) { return context.in(stage_input(i, of)).f32(); };
    q.stage[i] = {input(kWIn),      input(kBIn),          input(kPanels),
                  input(kCodebook), input(kWOut),         input(kBOut),
                  input(kBase),     context.out(i).i32(), context.in(stage_input(i, kPanels)).shape[0] * kPanelWidth};
  }
  const size_t most = most_shared_bytes();
  if (q.rows > 16 * kManyBlocks && Shared<32>::bytes(q.latent) <= most) return quantize<32>(context, q);
  if (q.rows > 4 * kManyBlocks && Shared<16>::bytes(q.latent) <= most) return quantize<16>(context, q);
  quantize<4>(context, q);
}

}  // namespace

void register_quantizer_cuda(KernelTable& table) { table.add("fused_quantizer", fused_quantizer); }

}  // namespace lmspt::cuda
