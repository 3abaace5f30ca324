// A file mapped read-only into memory, for weights that are used where they lie.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace lmspt {

class MappedFile {
 public:
  static std::shared_ptr<MappedFile> open(const std::string& path);  // throws io
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const uint8_t* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  MappedFile(const uint8_t* data, int64_t size) : data_(data), size_(size) {}
  const uint8_t* data_;
  int64_t size_;
};

}  // namespace lmspt
