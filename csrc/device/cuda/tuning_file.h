// What was found to be best on a GPU, kept for later processes: lines of text, "KEY... CHOICE CHECKSUM", after one that
// says what they are true for. A file that is missing, damaged or of another GPU, driver or library holds nothing, and
// so does a damaged line; one that cannot be written is left alone, since nothing but time is lost.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

namespace lmspt::cuda {

using TuningKey = std::array<int64_t, 16>;  // numbers that describe a piece of work, zeros after them
using Tuning = std::map<TuningKey, int>;

class TuningFile {
 public:
  // No path, no file.
  TuningFile(std::string path, std::string identity) : path_(std::move(path)), identity_(std::move(identity)) {}

  Tuning read() const;
  // Adds to what is there by now, which other processes may have written, and puts all in place at once.
  void add(const Tuning& found) const;

 private:
  std::string path_, identity_;
};

// The folder of what lmspt keeps: LMSPT_CACHE, else lmspt in XDG_CACHE_HOME or ~/.cache; empty where none is known.
std::string cache_folder();

}  // namespace lmspt::cuda
