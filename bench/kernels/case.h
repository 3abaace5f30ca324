// A kernel to be measured: a graph in which it stands, and what it has to do by formula.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "device/precision.h"
#include "recorder.h"

namespace lmspt::lab {

// What has to be computed, read and written at least. `count` finds the operations by going through them; it is for
// small sizes.
struct Work {
  int64_t flops = 0;
  int64_t bytes = 0;
  std::function<int64_t()> count = [] { return int64_t{0}; };
  int64_t other_bytes = 0;  // in place of `bytes` on GPUs that store other types or need more kernels
};

// Another way to do the same, by settings of the environment.
struct Variant {
  std::string name;
  std::map<std::string, std::string> settings;
  bool same_traffic = true;        // whether kernels read and write what those of the case do
  std::set<std::string> ops = {};  // whose steps are measured, where they are others than those of the case
};

struct Case {
  std::string family, name;
  Precision precision = Precision::fp32;
  std::set<std::string> ops;  // whose steps are measured
  std::function<void(Recorder&)> record;
  Work work;
  std::vector<Variant> variants = {};  // besides the default
};

// The sizes that matter, or small ones that show whether a case works.
class Sizes {
 public:
  explicit Sizes(bool small) : small_(small) {}
  int64_t operator()(int64_t size, int64_t small) const { return small_ ? small : size; }

 private:
  bool small_;
};

void add_limits(std::vector<Case>& cases, const Sizes& sizes);  // what the others are held against
void add_convolutions(std::vector<Case>& cases, const Sizes& sizes);
void add_images(std::vector<Case>& cases, const Sizes& sizes);
void add_products(std::vector<Case>& cases, const Sizes& sizes);
void add_attention(std::vector<Case>& cases, const Sizes& sizes);
void add_rows(std::vector<Case>& cases, const Sizes& sizes);
void add_elements(std::vector<Case>& cases, const Sizes& sizes);
void add_losses(std::vector<Case>& cases, const Sizes& sizes);
void add_quantizers(std::vector<Case>& cases, const Sizes& sizes);
void add_spectra(std::vector<Case>& cases, const Sizes& sizes);

constexpr Precision kAllPrecisions[] = {Precision::fp32, Precision::tf32, Precision::bf16x3, Precision::bf16};
constexpr Precision kReducedPrecisions[] = {Precision::tf32, Precision::bf16x3, Precision::bf16};

// Bytes of a value between two products.
inline int64_t stored_bytes(Precision precision) { return precision == Precision::bf16 ? 2 : 4; }

// Bytes of packed weights: panels of 16 columns, and with bf16 numbers two channels a word.
int64_t packed_bytes(Precision precision, int64_t taps, int64_t channels, int64_t columns);

// Of a matrix product, or of a convolution as one: two operations for every term.
Work product_work(int64_t rows, int64_t terms, int64_t columns, int64_t bytes);

// Tiles of all sizes, and of the size that the rule takes.
std::vector<Variant> all_tiles();
constexpr int64_t kLeastOfWgmma = 64;  // channels of what may be the business of that for compute capability 9.0

// The engine for all GPUs in place of the one for compute capability 9.0.
Variant without_wgmma();
// For products of so many channels: that engine where they may be the other's and, with bf16 alone, which is enough to
// see what they are worth, the tiles.
std::vector<Variant> engines_for(Precision precision, int64_t channels);

}  // namespace lmspt::lab
