// Switches of the emulation for tests, and what it counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lmspt::emulation::control {

struct Counts {
  int64_t launches = 0, graph_launches = 0, captures = 0;
  int64_t allocations = 0;  // live, of all devices
  int64_t bytes = 0;        // of these
  std::vector<int64_t> bytes_of_devices;
  int64_t pinned = 0;                           // live allocations of host memory
  int64_t streams = 0, events = 0, graphs = 0;  // live; graphs with their executable forms
  std::map<std::string, int64_t> kernels;       // launches by name
};
Counts counts();

// How much memory a device has from now on; what is allocated stays.
void set_memory(int device, size_t bytes);
// After so many more allocations none succeeds; -1: they succeed again.
void fail_allocations_after(int device, int64_t count);
// How long kernels take by events' times from now on, by a part of their names; the longest part counts. None: as long
// as the emulation takes.
void set_kernel_times(const std::map<std::string, double>& milliseconds);
// The next work on the device fails as after a fault in a kernel.
void lose(int device);

}  // namespace lmspt::emulation::control
