// The running block of the running kernel: its threads, its barriers, its shared memory and what is known of that.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cuda-emulation/block_calls.h"
#include "cuda-emulation/device_memory.h"
#include "cuda-emulation/fiber.h"
#include "cuda_runtime_api.h"

namespace lmspt::emulation {

constexpr int kMaxThreads = 1024;
constexpr int kLanes = 32;
constexpr int kThreadBits = 10;  // of a moment
constexpr size_t kMaxShared = 227 * 1024;
constexpr int kMaxClusters = 2;

struct Launch {
  dim3 grid, block;
  int clusters = 1;  // blocks of a cluster, along x
  size_t shared_bytes = 0;
  const void* kernel = nullptr;
  KernelCall call{};
  int device = 0;
};

enum class FaultKind { none, address, misaligned, other };

struct Fault {
  FaultKind kind = FaultKind::none;
  std::string text;
};

// Runs all clusters of a launch, one after the other, up to the first fault. One launch at a time.
Fault run_launch(const Launch& launch);

// ---- for hooks and instructions, which run within a thread of the block ----

// Accesses count while this is set: while a kernel's own code runs.
extern thread_local bool watching __attribute__((tls_model("initial-exec")));

// While the emulation itself runs on behalf of a thread.
class Unwatched {
 public:
  Unwatched() { watching = false; }
  ~Unwatched() { watching = true; }
};

// What is known of two neighbouring bytes of shared memory. Epochs count the barriers of blocks since the process
// began, steps those of a warp since the last of its block.
struct SharedCell {
  uint32_t write_epoch, read_epoch;
  uint16_t writer, write_step, reader, read_step;
};

// A copy to shared memory that was begun and not waited for.
struct PendingCopy {
  void* target;
  int bytes;
  int group;
  unsigned char data[16];
};

// Lanes that meet to exchange words.
struct Meeting {
  static constexpr int kWords = 7;
  struct Page {
    uint32_t in[kLanes][kWords];
    double product[16][8];
  };
  uint32_t mask = 0, arrived = 0;
  int kind = 0;
  Place place{};
  int page = 0;
  Page pages[2];  // by turns: some lanes may still read the one before
};

enum class State : uint8_t { fresh, ready, at_barrier, at_meeting, at_transfer, at_cluster, done };

struct Thread {
  Context context;
  int stack = -1;
  uint16_t index = 0;
  uint16_t warp = 0;
  uint16_t lane = 0;
  State state = State::fresh;
  bool vote = false;
  uint3 position{};
  Place place{};
  uintptr_t awaited = 0;  // the barrier that counts bytes, at_transfer
  int copy_group = 0;
  std::vector<PendingCopy> copies;
};

// A block, or the blocks of a cluster one after the other, each with kMaxShared bytes of dynamic shared memory.
struct Block {
  const Launch* launch = nullptr;
  uint3 position{};  // of the first block of the cluster
  int clusters = 1;
  int threads_of_block = 0;
  int thread_count = 0;  // of the cluster
  Thread* current = nullptr;
  bool woken = false;  // some thread can go on since it was last asked
  uint32_t first_epoch = 1, epoch = 1;
  // Intervals between barriers, of all blocks, since the stamps of device memory were cleared. A moment is an interval
  // and the thread that runs in it.
  uint32_t interval = 0;
  uint32_t first_interval = 0;  // of the block
  uint32_t launch_start = 0;    // all moments of the launch are later
  std::array<uint16_t, kMaxThreads / kLanes> step{};
  std::array<Thread, kMaxThreads> threads;
  std::array<std::array<Meeting, kLanes>, kMaxThreads / kLanes> meetings;  // by warp and lowest lane of the mask
  int votes[kMaxClusters][3] = {};
  Fault fault;
};
extern Block& block;

// Where a kernel may reach besides device memory.
struct Reach {
  uintptr_t stacks = 0;
  size_t stacks_size = 0;
  uintptr_t statics = 0;
  size_t statics_size = 0;
  SharedCell* static_cells = nullptr;
  uintptr_t dynamic = 0;
  size_t dynamic_size = 0;
  SharedCell* dynamic_cells = nullptr;
  uintptr_t parameters = 0;
  size_t parameters_size = 0;
  uintptr_t module = 0;
  size_t module_size = 0;
};
extern Reach reach;

// Lets others go on until something makes the current thread ready.
void suspend(State state);

// Ends the launch with a fault of the current thread; `code` is where it happened, or null.
[[noreturn]] void raise(FaultKind kind, const std::string& what, const void* code = nullptr);

// Checks an access by the current thread and notes it.
void on_read(const void* address, size_t bytes, const void* code);
void on_write(const void* address, size_t bytes, const void* code);
void on_atomic(const void* address, size_t bytes, const void* code);
// Makes shared memory unwritten, as the start of an asynchronous copy does.
void on_copy_start(void* target, size_t bytes, const void* code);

// Lets the lanes of the mask meet; `words` of each are in the page that comes back, which the last one completes.
const Meeting::Page& meet(Place place, int kind, uint32_t mask, const uint32_t* words, int count,
                          void (*complete)(Meeting::Page&) = nullptr);

}  // namespace lmspt::emulation
