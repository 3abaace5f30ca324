#include "graph/mapped_file.h"

#include <cerrno>
#include <cstring>

#include "device/error.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace lmspt {

#if defined(_WIN32)

std::shared_ptr<MappedFile> MappedFile::open(const std::string& path) {
  const HANDLE file = CreateFileA(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
  LARGE_INTEGER size;
  if (file == INVALID_HANDLE_VALUE || !GetFileSizeEx(file, &size)) {
    throw Error(ErrorCode::io, "Expected to open " + path + ", but the system refused");
  }
  const HANDLE mapping = CreateFileMappingA(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
  const void* data = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0) : nullptr;
  if (mapping) CloseHandle(mapping);
  CloseHandle(file);
  if (!data) throw Error(ErrorCode::io, "Expected to map " + path + " into memory, but the system refused");
  return std::shared_ptr<MappedFile>(new MappedFile(static_cast<const uint8_t*>(data), size.QuadPart));
}

MappedFile::~MappedFile() { UnmapViewOfFile(data_); }

#else

std::shared_ptr<MappedFile> MappedFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info;
  if (file < 0 || fstat(file, &info) != 0) {
    const std::string reason = std::strerror(errno);
    if (file >= 0) close(file);
    throw Error(ErrorCode::io, "Expected to open " + path + ", but the system said: " + reason);
  }
  const size_t size = static_cast<size_t>(info.st_size);
  void* data = mmap(nullptr, size == 0 ? 1 : size, PROT_READ, MAP_PRIVATE, file, 0);
  const std::string reason = std::strerror(errno);
  close(file);
  if (data == MAP_FAILED) {
    throw Error(ErrorCode::io, "Expected to map " + path + " into memory, but the system said: " + reason);
  }
  return std::shared_ptr<MappedFile>(new MappedFile(static_cast<const uint8_t*>(data), static_cast<int64_t>(size)));
}

MappedFile::~MappedFile() { munmap(const_cast<uint8_t*>(data_), size_ == 0 ? 1 : size_); }

#endif

}  // namespace lmspt
