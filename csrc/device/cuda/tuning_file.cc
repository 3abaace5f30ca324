#include "device/cuda/tuning_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace lmspt::cuda {

namespace {

constexpr const char* kTitle = "lmspt tuning 1; ";
constexpr size_t kMostLines = 100'000;

uint64_t checksum(const std::string& text) {  // FNV-1a
  uint64_t sum = 14695981039346656037u;
  for (unsigned char c : text) sum = (sum ^ c) * 1099511628211u;
  return sum;
}

std::string line_of(const TuningKey& key, int choice) {
  std::string line;
  for (int64_t number : key) line += std::to_string(number) + " ";
  line += std::to_string(choice);
  return line + " " + std::to_string(checksum(line));
}

std::optional<std::pair<TuningKey, int>> parse(const std::string& line) {
  std::istringstream words(line);
  std::pair<TuningKey, int> entry;
  for (int64_t& number : entry.first) words >> number;
  words >> entry.second;
  if (!words || line_of(entry.first, entry.second) != line) return std::nullopt;
  return entry;
}

bool write_all(int file, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(file, text.data() + done, text.size() - done);
    if (written <= 0) return false;
    done += static_cast<size_t>(written);
  }
  return ::fsync(file) == 0;
}

}  // namespace

Tuning TuningFile::read() const {
  Tuning known;
  if (path_.empty()) return known;
  std::ifstream file(path_);
  std::string line;
  if (!std::getline(file, line) || line != kTitle + identity_) return known;
  for (size_t count = 0; count < kMostLines && std::getline(file, line); ++count) {
    if (const auto entry = parse(line)) known[entry->first] = entry->second;
  }
  return known;
}

void TuningFile::add(const Tuning& found) const {
  if (path_.empty()) return;
  Tuning all = read();
  for (const auto& [key, choice] : found) all[key] = choice;
  std::string text = kTitle + identity_ + "\n";
  for (const auto& [key, choice] : all) text += line_of(key, choice) + "\n";
  static std::atomic<int> next{0};
  const std::string draft = path_ + "." + std::to_string(::getpid()) + "-" + std::to_string(next++) + ".tmp";
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return;
  bool written = write_all(file, text);
  written &= ::close(file) == 0;
  if (!written || std::rename(draft.c_str(), path_.c_str()) != 0) std::remove(draft.c_str());
}

std::string cache_folder() {
  const auto setting = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  if (const std::string own = setting("LMSPT_CACHE"); !own.empty()) return own;
  if (const std::string caches = setting("XDG_CACHE_HOME"); !caches.empty()) return caches + "/lmspt";
  const std::string home = setting("HOME");
  return home.empty() ? "" : home + "/.cache/lmspt";
}

}  // namespace lmspt::cuda
