// Weights come packed (gemm/cuda/pack_weights.h).
#include "gemm/cuda/outer_product.h"
#include "gemm/cuda/pack_weights.h"
#include "gemm/cuda/sm90_operands.h"

namespace lmspt::cuda {

namespace {

// ---- kernels ----

struct MatrixWeight {
  Numbers w;
  int64_t size, channel_step, column_step;  // elements of a matrix, from one to the next
  __device__ float operator()(int64_t group, int64_t, int64_t channel, int64_t column) const {
    float value;
    w.load<1>(group * size + channel * channel_step + column * column_step, &value);
    return value;
  }
};

// ---- launchers ----

// C (items, rows, columns) = A (items, rows, k) B
Product matrix_product(const KernelContext& context, Precision precision, const Numbers& a, const Tensor& b,
                       const Numbers& c, int64_t items, int64_t rows, int64_t k, int64_t columns) {
  Product p;
  p.items = items, p.rows = rows, p.columns = columns;
  p.a.x = a;
  p.a.item = rows * k;
  p.a.channels = static_cast<int>(k);
  p.a.w = Axis::of(rows, 1, 1, 0, k);
  p.a.positions = p.a.positions_w = Divisor(kBeyondAll);
  set_taps(p.a, precision, {1, 1, 1});
  p.b = columns_of(b, p.a.words, columns);
  p.b.rows = are_rows(context, precision, k);
  p.c.c = c;
  p.c.item = rows * columns;
  p.c.w = columns;
  p.c.span = Divisor(columns);
  p.c.limit = rows * columns;
  return p;
}

Product linear_product(const KernelContext& context) {
  const Shape &x = context.inputs[0].shape, &y = context.out(0).shape;
  Product p = matrix_product(context, precision_of(*context.attrs), Numbers(context.in(0)), context.in(1),
                             Numbers(context.out(0)), 1, x.count_before(x.rank - 1), x[-1], y[-1]);
  p.c.bias = context.in(2).f32();
  return p;
}

void linear(const KernelContext& context) {
  run_product(context, precision_of(*context.attrs), linear_product(context));
}

void fused_linear(const KernelContext& context) {
  Product p = linear_product(context);
  const int64_t gelu = context.attrs->i("gelu");
  p.c.gelu = gelu > 0;
  if (gelu == 2) p.c.before_gelu = Numbers(context.out(1));
  p.c.gelu_input = Numbers(context.in(3));
  p.c.residual = Numbers(context.in(4));
  run_product(context, precision_of(*context.attrs), p);
}

void matmul(const KernelContext& context) {
  if (context.out(0).shape.count() == 0) return;
  const Tensor b = context.in(1);
  const Shape &shape = context.inputs[0].shape, &y = context.out(0).shape;
  const Precision precision = precision_of(*context.attrs);
  const bool transposed = context.attrs->b("transpose_a");
  const int64_t k = shape[transposed ? -2 : -1], rows = y[-2], columns = y[-1], batch = y.count_before(y.rank - 2);
  const int64_t matrices = b.dtype == DType::i32 ? b.shape[1] / panel_count(columns) : b.shape[0];
  const bool shared = matrices == 1;
  const Numbers a(context.in(0)), c(context.out(0));
  const bool in_rows = are_rows(context, precision, k);
  if (!transposed || in_rows) {
    // One tall product where b is shared.
    Product p = shared ? matrix_product(context, precision, a, b, c, 1, batch * rows, k, columns)
                       : matrix_product(context, precision, a, b, c, batch, rows, k, columns);
    p.b.item = shared ? 0 : p.b.group;
    p.b.plane = matrices * p.b.group;
    if (!transposed) return run_product(context, precision, p);
    const int64_t count = batch * rows * k;
    const Scratch operands(context, bytes_of_operands(precision, count));
    make_transposed_operands(context, precision, a, batch, k, rows, count, operands.data());
    p.a.x.data = operands.data();
    return run_sm90_operands(context, precision, p);
  }
  OuterProduct o;
  o.items = batch, o.rows = rows, o.columns = columns, o.depth = k;
  o.p = a;
  o.p_item = k * rows, o.p_pitch = rows;
  o.panels = columns_of(b, words_of(precision, k), columns);
  o.panels.item = shared ? 0 : o.panels.group;
  o.panels.plane = matrices * o.panels.group;
  o.c = context.out(0).f32();
  o.c_item = rows * columns;
  o.channels = Divisor(columns);
  o.row_step = columns, o.channel_step = 1;
  run_outer_product(context, precision, o);
}

void pack_matrix(const KernelContext& context) {
  const Tensor w = context.in(0);
  const bool transposed = context.attrs->b("transposed");
  const int64_t n = w.shape[transposed ? -2 : -1], k = w.shape[transposed ? -1 : -2];
  const int64_t batch = w.shape.count_before(w.shape.rank - 2);
  const Precision precision = precision_of(*context.attrs);
  void* packed = context.out(0).data;
  const bool in_rows = are_rows(context, precision, k), dense = batch == 1 || n % kPanelWidth == 0;
  if (in_rows && dense && batch * n > 0) {
    const int64_t plane = batch * panel_count(n) * kPanelWidth * k;
    if (transposed) return make_operands(context, precision, Numbers(w), nullptr, k, batch * n * k, plane, packed);
    return make_transposed_operands(context, precision, Numbers(w), batch, k, n, plane, packed);
  }
  const MatrixWeight weight{Numbers(w), n * k, transposed ? 1 : n, transposed ? k : 1};
  pack_weights(context, precision, {batch, 1, k, n}, in_rows, weight, packed);
}

}  // namespace

void register_linear_cuda(KernelTable& table) {
  table.add("linear", linear);
  table.takes_bf16("linear", {.inputs = 1 << 0, .outputs = 1 << 0});
  table.add("fused_linear", fused_linear);
  table.takes_bf16("fused_linear", {.inputs = 1 << 0 | 1 << 3 | 1 << 4, .outputs = 1 << 0 | 1 << 1});
  table.add("matmul", matmul);
  table.takes_bf16("matmul", {.inputs = 1 << 0});
  table.add("pack_matrix", pack_matrix);
  table.takes_bf16("pack_matrix", {.inputs = 1 << 0});
}

}  // namespace lmspt::cuda
