// Runs cases on a device and tells how long their kernels took.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "case.h"
#include "device/device.h"

namespace lmspt::lab {

using Settings = std::map<std::string, std::string>;

// A GPU under settings of the environment: they are read when it is opened, and when plans are made.
class Devices {
 public:
  Devices(std::string library, int index) : library_(std::move(library)), index_(index) {}
  std::shared_ptr<Device> open(const Settings& settings);

 private:
  std::string library_;
  int index_;
  std::map<Settings, std::shared_ptr<Device>> open_;
};

struct Measured {
  const Case* of;
  std::string variant;  // empty for the default
  bool same_traffic = true;
  std::vector<double> milliseconds;  // in order of size
  int64_t bytes = 0;                 // that the kernels' tensors have

  double median() const { return milliseconds[milliseconds.size() / 2]; }
};

// The default and all variants, by turns. Throws lmspt::Error.
std::vector<Measured> measure(Devices& devices, const Case& of, int repeats);

}  // namespace lmspt::lab
