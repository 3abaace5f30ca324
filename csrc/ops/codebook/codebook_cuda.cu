// Norms are summed as on the CPU, in order and in double precision, and so are products: codes are the CPU's to the bit
// wherever that fuses multiplication and addition.
#include "device/cuda/groups.h"
#include "gemm/panel.h"

namespace lmspt::cuda {

namespace {

constexpr int kRows = 8;                 // rows of z that a block searches for
constexpr int kChunk = 64;               // their features held in shared memory at a time
constexpr int64_t kLeastCodes = 1024;    // of a share of the codebook
constexpr int64_t kWantedBlocks = 1024;  // few rows are searched for in several shares of the codebook
constexpr int kCodes = 64;               // rows of a codebook whose gradient a block gathers
constexpr int kColumns = 64;             // and their columns

constexpr double kLeastNorm = 1e-12;

// ---- kernels ----

__device__ double norm(const float* x, int64_t size) {
  double total = 0;
  for (int64_t i = 0; i < size; ++i) total += static_cast<double>(x[i]) * x[i];
  total = sqrt(total);
  return total > kLeastNorm ? total : kLeastNorm;
}

// The best code so far; the lower one wins a tie.
struct Match {
  float product;
  int32_t code;

  __device__ void take(float other, int64_t other_code) {
    if (other > product) *this = {other, static_cast<int32_t>(other_code)};
  }
  __device__ void join(Match other) {
    const bool better = other.product > product || (other.product == product && other.code < code);
    if (better) *this = other;
  }
};

struct Search {
  int64_t rows, size, codes;  // codes: those of the panels
  int64_t share, shares;      // codes of a share, a multiple of kThreads

  __host__ __device__ int64_t row_blocks() const { return (rows + kRows - 1) / kRows; }
};

// The best match of every row within each share of the codebook, (shares, rows).
__global__ void search_kernel(Search search, const float* z, const float* panels, Match* matches) {
  __shared__ double scales[kRows];
  __shared__ float4 staged[kChunk][kRows / 4];
  __shared__ Match of_threads[kThreads];
  for (int64_t unit = blockIdx.x; unit < search.row_blocks() * search.shares; unit += gridDim.x) {
    const int64_t first_row = unit % search.row_blocks() * kRows, share = unit / search.row_blocks();
    const int rows = static_cast<int>(search.rows - first_row < kRows ? search.rows - first_row : kRows);
    const float* source = z + first_row * search.size;
    if (static_cast<int>(threadIdx.x) < rows)
      scales[threadIdx.x] = 1 / norm(source + threadIdx.x * search.size, search.size);
    Match best[kRows];
    for (int row = 0; row < kRows; ++row) best[row] = {-INFINITY, 0};
    const int64_t end = (share + 1) * search.share < search.codes ? (share + 1) * search.share : search.codes;
    for (int64_t tile = share * search.share; tile < end; tile += kThreads) {
      const int64_t code = tile + threadIdx.x;
      const float* panel = panels + code / kPanelWidth * search.size * kPanelWidth + code % kPanelWidth;
      float products[kRows] = {};
      for (int64_t chunk = 0; chunk < search.size; chunk += kChunk) {
        const int width = static_cast<int>(search.size - chunk < kChunk ? search.size - chunk : kChunk);
        if (search.size > kChunk || tile == share * search.share) {
          __syncthreads();
          float* flat = &staged[0][0].x;
          for (int i = threadIdx.x; i < width * kRows; i += blockDim.x) {
            const int row = i % kRows, feature = i / kRows;
            const bool exists = row < rows;
            flat[i] = exists ? static_cast<float>(source[row * search.size + chunk + feature] * scales[row]) : 0.f;
          }
          __syncthreads();
        }
        if (code >= end) continue;
        for (int i = 0; i < width; ++i) {
          const float weight = panel[(chunk + i) * kPanelWidth];
          for (int four = 0; four < kRows / 4; ++four) {
            const float4 features = staged[i][four];
            products[4 * four] = fmaf(features.x, weight, products[4 * four]);
            products[4 * four + 1] = fmaf(features.y, weight, products[4 * four + 1]);
            products[4 * four + 2] = fmaf(features.z, weight, products[4 * four + 2]);
            products[4 * four + 3] = fmaf(features.w, weight, products[4 * four + 3]);
          }
        }
      }
      if (code >= end) continue;
      for (int row = 0; row < kRows; ++row) best[row].take(products[row], code);
    }
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
      if (row >= rows) break;
      of_threads[threadIdx.x] = best[row];
      __syncthreads();
      for (unsigned width = kThreads / 2; width > 0; width /= 2) {
        if (threadIdx.x < width) of_threads[threadIdx.x].join(of_threads[threadIdx.x + width]);
        __syncthreads();
      }
      if (threadIdx.x == 0) matches[share * search.rows + first_row + row] = of_threads[0];
      __syncthreads();
    }
  }
}

__global__ void best_match_kernel(Search search, const Match* matches, int32_t* codes) {
  for (int64_t row = first_unit(); row < search.rows; row += unit_step()) {
    Match best = matches[row];
    for (int64_t share = 1; share < search.shares; ++share) best.join(matches[share * search.rows + row]);
    codes[row] = best.code;
  }
}

// A thread for each lane of each panel; lanes beyond the codebook are copies of its last row.
__global__ void pack_kernel(int64_t codes, int64_t size, int64_t lanes, const float* codebook, float* panels) {
  for (int64_t lane = first_unit(); lane < lanes; lane += unit_step()) {
    const float* row = codebook + (lane < codes ? lane : codes - 1) * size;
    const double scale = 1 / norm(row, size);
    float* panel = panels + lane / kPanelWidth * size * kPanelWidth + lane % kPanelWidth;
    for (int64_t i = 0; i < size; ++i) panel[i * kPanelWidth] = static_cast<float>(row[i] * scale);
  }
}

__global__ void lookup_kernel(int64_t count, int64_t size, int64_t codes, const int32_t* indices, const float* codebook,
                              float* out) {
  for (int64_t i = first_unit(); i < count; i += unit_step()) {
    const int32_t code = indices[i / size];
    out[i] = code >= 0 && code < codes ? codebook[code * size + i % size] : 0.f;
  }
}

// A block owns kCodes codes and kColumns columns. It picks the rows of its codes out of all rows, kThreads at a time,
// and adds them in order: a result has the bits of a plain loop, whatever the grid.
__global__ void lookup_grad_kernel(int64_t rows, int64_t size, int64_t codes, const int32_t* indices, const float* gy,
                                   float* out) {
  constexpr int kGroups = kThreads / kColumns;
  __shared__ float sums[kCodes][kColumns];
  __shared__ int32_t found[kThreads];  // rows of the block's codes, counted from the first of these kThreads, and
  __shared__ int32_t owner[kThreads];  // the code of each, counted from the block's first
  __shared__ int32_t of_warps[kThreads / kWarp];
  const int64_t code_tiles = (codes + kCodes - 1) / kCodes, column_tiles = (size + kColumns - 1) / kColumns;
  const int place = threadIdx.x % kColumns, group = threadIdx.x / kColumns;
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  for (int64_t unit = blockIdx.x; unit < code_tiles * column_tiles; unit += gridDim.x) {
    const int64_t first_code = unit / column_tiles * kCodes, column = unit % column_tiles * kColumns + place;
    for (int code = group; code < kCodes; code += kGroups) sums[code][place] = 0;
    for (int64_t first = 0; first < rows; first += kThreads) {
      const int64_t row = first + threadIdx.x;
      const int64_t code = (row < rows ? indices[row] : -1) - first_code;
      const bool mine = code >= 0 && code < kCodes && first_code + code < codes && row < rows;
      const unsigned votes = __ballot_sync(kAllLanes, mine);
      if (lane == 0) of_warps[warp] = __popc(votes);
      __syncthreads();
      int before = 0, total = 0;
      for (int other = 0; other < kThreads / kWarp; ++other) {
        if (other < warp) before += of_warps[other];
        total += of_warps[other];
      }
      if (mine) {
        const int at = before + __popc(votes & ((1u << lane) - 1));
        found[at] = threadIdx.x;
        owner[at] = static_cast<int32_t>(code);
      }
      __syncthreads();
      for (int i = 0; i < total; ++i) {  // every code belongs to one group
        if (owner[i] % kGroups == group && column < size)
          sums[owner[i]][place] += gy[(first + found[i]) * size + column];
      }
      __syncthreads();
    }
    for (int code = group; code < kCodes; code += kGroups) {
      if (first_code + code < codes && column < size) out[(first_code + code) * size + column] = sums[code][place];
    }
  }
}

template <class Group>
__device__ double group_norm(const float* x, int64_t size) {
  const double length = sqrt(dot_row<Group>(x, x, size));
  return length > kLeastNorm ? length : kLeastNorm;
}

template <class Group>
__global__ void l2_normalize_kernel(int64_t rows, int64_t size, const float* x, float* out) {
  for (int64_t row = Group::first_row(); row < rows; row += Group::row_step()) {
    const float* source = x + row * size;
    const double scale = 1 / group_norm<Group>(source, size);
    for (int64_t i = Group::rank(); i < size; i += Group::size()) {
      out[row * size + i] = static_cast<float>(source[i] * scale);
    }
  }
}

// gx = (gy - x <gy, x> / |x|^2) / |x|
template <class Group>
__global__ void l2_normalize_grad_kernel(int64_t rows, int64_t size, const float* x, const float* gy, float* gx) {
  for (int64_t row = Group::first_row(); row < rows; row += Group::row_step()) {
    const float *source = x + row * size, *gradient = gy + row * size;
    const double length = group_norm<Group>(source, size);
    const double along = dot_row<Group>(gradient, source, size) / (length * length);
    for (int64_t i = Group::rank(); i < size; i += Group::size()) {
      gx[row * size + i] = static_cast<float>((gradient[i] - source[i] * along) / length);
    }
  }
}

// ---- launchers ----

void codebook_search(const KernelContext& context) {
  const Tensor z = context.in(0), panels = context.in(1);
  Search search{context.out(0).shape.count(), z.shape[-1], panels.shape[0] * kPanelWidth, 0, 0};
  if (search.rows == 0) return;
  const int64_t most = (search.codes + kLeastCodes - 1) / kLeastCodes;
  const int64_t wanted = std::max<int64_t>(1, std::min(most, kWantedBlocks / search.row_blocks()));
  search.share = ((search.codes + wanted - 1) / wanted + kThreads - 1) / kThreads * kThreads;
  search.shares = (search.codes + search.share - 1) / search.share;
  const Scratch scratch(context, search.shares * search.rows * sizeof(Match));
  auto* matches = static_cast<Match*>(scratch.data());
  launch_blocks(context, search_kernel, search.row_blocks() * search.shares, kThreads, search, z.f32(), panels.f32(),
                matches);
  launch_threads(context, best_match_kernel, search.rows, search, matches, context.out(0).i32());
}

void pack_codebook(const KernelContext& context) {
  const Tensor codebook = context.in(0);
  const int64_t lanes = context.out(0).shape[0] * kPanelWidth;
  launch_threads(context, pack_kernel, lanes, codebook.shape[0], codebook.shape[1], lanes, codebook.f32(),
                 context.out(0).f32());
}

void codebook_lookup(const KernelContext& context) {
  const Tensor codes = context.in(0), codebook = context.in(1);
  const int64_t count = context.out(0).shape.count();
  launch_threads(context, lookup_kernel, count, count, codebook.shape[1], codebook.shape[0], codes.i32(),
                 codebook.f32(), context.out(0).f32());
}

void codebook_lookup_grad(const KernelContext& context) {
  const Tensor codes = context.in(0), gy = context.in(1), out = context.out(0);
  const int64_t size = gy.shape[-1];
  const int64_t blocks = (out.shape[0] + kCodes - 1) / kCodes * ((size + kColumns - 1) / kColumns);
  launch_blocks(context, lookup_grad_kernel, blocks, kThreads, codes.shape.count(), size, out.shape[0], codes.i32(),
                gy.f32(), out.f32());
}

void l2_normalize(const KernelContext& context) {
  const Tensor x = context.in(0);
  const int64_t rows = x.shape.count_before(x.shape.rank - 1);
  launch_rows(context, l2_normalize_kernel<WarpGroup>, l2_normalize_kernel<BlockGroup>, rows, x.shape[-1], rows,
              x.shape[-1], x.f32(), context.out(0).f32());
}

void l2_normalize_grad(const KernelContext& context) {
  const Tensor x = context.in(0);
  const int64_t rows = x.shape.count_before(x.shape.rank - 1);
  launch_rows(context, l2_normalize_grad_kernel<WarpGroup>, l2_normalize_grad_kernel<BlockGroup>, rows, x.shape[-1],
              rows, x.shape[-1], x.f32(), context.in(1).f32(), context.out(0).f32());
}

}  // namespace

void register_codebook_cuda(KernelTable& table) {
  table.add("codebook_search", codebook_search);
  table.add("pack_codebook", pack_codebook);
  table.add("codebook_lookup", codebook_lookup);
  table.add("codebook_lookup_grad", codebook_lookup_grad);
  table.add("l2_normalize", l2_normalize);
  table.add("l2_normalize_grad", l2_normalize_grad);
}

}  // namespace lmspt::cuda
