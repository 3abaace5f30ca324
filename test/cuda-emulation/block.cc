#include "cuda-emulation/block.h"

#include <sys/mman.h>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "cuda-emulation/sm90_emulated.h"
#include "cuda-emulation/symbols.h"
#include "cuda-emulation/transfers.h"

namespace lmspt::emulation {

thread_local bool watching __attribute__((tls_model("initial-exec"))) = false;

// Kernels see these as the constants blockDim and gridDim.
uint3 block_dim __asm__("lmspt_emulated_block_dim");
uint3 grid_dim __asm__("lmspt_emulated_grid_dim");

Block& block = *new Block;
Reach reach;

namespace {

Context& scheduler = *new Context;
Stacks* stacks = nullptr;
std::vector<int>& free_stacks = *new std::vector<int>;
char* dynamic_memory = nullptr;

void* reserve(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

SharedCell* reserve_cells(size_t bytes) {
  return static_cast<SharedCell*>(reserve((bytes / 2 + 1) * sizeof(SharedCell)));
}

void prepare_reach(const void* kernel) {
  if (stacks) return;
  stacks = new Stacks;
  reach.stacks = stacks->base();
  reach.stacks_size = Stacks::kCount * Stacks::kBytes;
  const AddressRange statics = writable_data(kernel), module = whole_module(kernel);
  reach.statics = statics.base;
  reach.statics_size = statics.size;
  reach.static_cells = reserve_cells(statics.size);
  reach.module = module.base;
  reach.module_size = module.size;
  dynamic_memory = static_cast<char*>(reserve(kMaxClusters * kMaxShared));
  reach.dynamic = reinterpret_cast<uintptr_t>(dynamic_memory);
  reach.dynamic_cells = reserve_cells(kMaxClusters * kMaxShared);
}

// What a fresh stack runs: thread after thread.
void work() {
  for (;;) {
    Thread& thread = *block.current;
    watching = true;
    block.launch->call.call(block.launch->call.parameters.get());
    watching = false;
    thread.state = State::done;
    switch_context(thread.context, scheduler);
  }
}

int rank_of(const Thread& thread) { return thread.index / block.threads_of_block; }

std::string text_of(uint3 v) {
  return "(" + std::to_string(v.x) + ", " + std::to_string(v.y) + ", " + std::to_string(v.z) + ")";
}

std::string text_of(Place place) {
  const char* slash = std::strrchr(place.file, '/');
  return std::string(slash ? slash + 1 : place.file) + ":" + std::to_string(place.line);
}

Fault fault_of(FaultKind kind, const Thread* thread, const std::string& what, const void* code) {
  uint3 position = block.position;
  if (thread) position.x += rank_of(*thread);
  std::string text = "kernel " + function_name(block.launch->kernel) + ", block " + text_of(position);
  if (thread) text += ", thread " + text_of(thread->position);
  text += ": " + what;
  if (code) text += "; in " + source_place(code);
  return {kind, text};
}

// Goes on with a thread until it waits or ends.
void resume(Thread& thread) {
  block.current = &thread;
  if (thread.state == State::fresh) {
    thread.stack = free_stacks.back();
    free_stacks.pop_back();
    prepare_context(thread.context, stacks->stack(thread.stack), Stacks::kBytes, work);
  }
  thread.state = State::ready;
  switch_context(scheduler, thread.context);
  if (stacks->overflown(thread.stack)) {
    std::fprintf(stderr, "a kernel's thread overflowed the emulation's stack of %zu bytes\n", Stacks::kBytes);
    std::abort();
  }
  if (thread.state == State::done) free_stacks.push_back(thread.stack);
}

// Goes on with the lanes of one warp until none can.
void run_warp(int first, int last) {
  for (bool progress = true; progress;) {
    progress = false;
    for (int i = first; i < last; ++i) {
      Thread& thread = block.threads[i];
      if (thread.state != State::fresh && thread.state != State::ready) continue;
      resume(thread);
      if (block.fault.kind != FaultKind::none) return;
      progress = true;
    }
  }
}

bool same(Place a, Place b) { return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0); }

std::string where_of(const Thread& thread) {
  const std::string name = "thread " + text_of(thread.position);
  switch (thread.state) {
    case State::done: return name + " has ended";
    case State::at_barrier: return name + " waits for the block at " + text_of(thread.place);
    case State::at_meeting: return name + " waits for its warp at " + text_of(thread.place);
    case State::at_cluster: return name + " waits for its cluster at " + text_of(thread.place);
    case State::at_transfer: return name + " " + describe_wait(thread);
    default: return name + " runs";
  }
}

// What was known of who wrote and read device memory is given up where numbers run out.
void next_interval() {
  if (++block.interval < 1u << (32 - kThreadBits)) return;
  madvise(device_range.stamps, device_range.size / 2 * sizeof(DeviceStamp), MADV_DONTNEED);
  block.interval = block.first_interval = 1;
  block.launch_start = kMaxThreads - 1;
}

// Whether `count` threads are where one of them is; a fault where not.
bool meets_all(const Thread& leader, int begin, int count) {
  for (int i = begin; i < begin + count; ++i) {
    const Thread& thread = block.threads[i];
    if (thread.state == leader.state && same(thread.place, leader.place)) continue;
    const bool other_waits = thread.state == State::at_barrier;
    block.fault = fault_of(
        FaultKind::other, other_waits ? &thread : &leader,
        "divergence: not all threads meet at the same barrier: " + where_of(leader) + ", " + where_of(thread), nullptr);
    return false;
  }
  return true;
}

void release(int begin, int count) {
  for (int i = begin; i < begin + count; ++i) block.threads[i].state = State::ready;
}

void count_votes(int rank) {
  const int size = block.threads_of_block;
  int count = 0;
  for (int i = 0; i < size; ++i) count += block.threads[rank * size + i].vote;
  block.votes[rank][0] = count;
  block.votes[rank][1] = count == size;
  block.votes[rank][2] = count > 0;
}

// No thread can go on: either all of a block wait at one barrier, or they wait for each other forever.
void pass_barrier() {
  const Thread& first = block.threads[0];
  for (int i = 0; i < block.thread_count; ++i) {
    const Thread& thread = block.threads[i];
    if (thread.state == State::at_meeting) {
      // A lane that cannot come any more explains why.
      const int warp_start = thread.warp * kLanes;
      for (int lane = 0; lane < kLanes; ++lane) {
        const int other = warp_start + lane;
        if (other >= block.thread_count) {
          block.fault = fault_of(FaultKind::other, &thread,
                                 "waits for its warp at " + text_of(thread.place) + ", but the block has only " +
                                     std::to_string(block.thread_count) + " threads",
                                 nullptr);
          return;
        }
        if (block.threads[other].state == State::at_meeting && same(block.threads[other].place, thread.place)) continue;
        block.fault = fault_of(FaultKind::other, &thread,
                               "divergence: it waits for its warp at " + text_of(thread.place) + ", while " +
                                   where_of(block.threads[other]),
                               nullptr);
        return;
      }
      block.fault =
          fault_of(FaultKind::other, &thread, "waits forever for its warp at " + text_of(thread.place), nullptr);
      return;
    }
  }
  for (int i = 0; i < block.thread_count; ++i) {
    const Thread& thread = block.threads[i];
    if (thread.state != State::at_transfer) continue;
    block.fault = fault_of(FaultKind::other, &thread, describe_wait(thread), nullptr);
    return;
  }
  if (first.state == State::at_cluster) {
    if (!meets_all(first, 0, block.thread_count)) return;
    release(0, block.thread_count);
  } else {
    const int size = block.threads_of_block;
    bool released = false;
    for (int rank = 0; rank < block.clusters; ++rank) {
      const Thread& leader = block.threads[rank * size];
      if (leader.state == State::at_cluster) continue;  // waits for blocks that meet first
      if (!meets_all(leader, rank * size, size)) return;
      if (leader.state != State::at_barrier) continue;
      count_votes(rank);
      release(rank * size, size);
      released = true;
    }
    if (!released) {
      meets_all(first, 0, block.thread_count);  // which cannot be
      return;
    }
  }
  ++block.epoch;
  next_interval();
  block.step.fill(0);
}

bool all_done() {
  for (int i = 0; i < block.thread_count; ++i) {
    if (block.threads[i].state != State::done) return false;
  }
  return true;
}

void reset_shared_shadows() {
  madvise(reach.static_cells, (reach.statics_size / 2 + 1) * sizeof(SharedCell), MADV_DONTNEED);
  madvise(reach.dynamic_cells, (kMaxClusters * kMaxShared / 2 + 1) * sizeof(SharedCell), MADV_DONTNEED);
  block.epoch = 0;
}

void run_block() {
  if (block.epoch > UINT32_MAX - (1u << 24)) reset_shared_shadows();
  block.first_epoch = ++block.epoch;
  next_interval();
  block.first_interval = block.interval;
  block.step.fill(0);
  const dim3 size = block.launch->block;
  block.clusters = block.launch->clusters;
  block.threads_of_block = static_cast<int>(size.x * size.y * size.z);
  block.thread_count = block.clusters * block.threads_of_block;
  block.woken = false;
  for (int i = 0; i < block.thread_count; ++i) {
    Thread& thread = block.threads[i];
    thread.state = State::fresh;
    thread.index = static_cast<uint16_t>(i);
    thread.warp = static_cast<uint16_t>(i / kLanes);
    thread.lane = static_cast<uint16_t>(i % kLanes);
    const unsigned at = i % block.threads_of_block;
    thread.position = {at % size.x, at / size.x % size.y, at / size.x / size.y};
    thread.place = {"", 0};
    thread.vote = false;
    thread.copies.clear();
    thread.copy_group = 0;
  }
  const int warps = (block.thread_count + kLanes - 1) / kLanes;
  for (int warp = 0; warp < warps; ++warp) {
    for (Meeting& meeting : block.meetings[warp]) meeting.arrived = 0;
  }
  begin_transfers();
  begin_products();
  for (;;) {
    for (int warp = 0; warp < warps; ++warp) {
      run_warp(warp * kLanes, std::min(block.thread_count, (warp + 1) * kLanes));
      if (block.fault.kind != FaultKind::none) return;
    }
    if (block.woken || deliver_copies()) {
      block.woken = false;
      continue;
    }
    if (all_done()) {
      const std::string left = open_transfers();
      if (!left.empty()) block.fault = fault_of(FaultKind::other, nullptr, left, nullptr);
      return;
    }
    pass_barrier();
    if (block.fault.kind != FaultKind::none) return;
  }
}

}  // namespace

Fault run_launch(const Launch& launch) {
  block_dim = {launch.block.x, launch.block.y, launch.block.z};
  grid_dim = {launch.grid.x, launch.grid.y, launch.grid.z};
  prepare_reach(launch.kernel);
  reach.dynamic_size = (launch.clusters - 1) * kMaxShared + launch.shared_bytes;
  reach.parameters = reinterpret_cast<uintptr_t>(launch.call.parameters.get());
  reach.parameters_size = launch.call.bytes;
  block.launch = &launch;
  block.fault = {};
  free_stacks.clear();
  for (int i = static_cast<int>(Stacks::kCount) - 1; i >= 0; --i) free_stacks.push_back(i);
  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  block.launch_start = (block.interval << kThreadBits) + kMaxThreads - 1;
  for (uint64_t i = 0; i < blocks && block.fault.kind == FaultKind::none; i += launch.clusters) {
    block.position = {static_cast<unsigned>(i % launch.grid.x),
                      static_cast<unsigned>(i / launch.grid.x % launch.grid.y),
                      static_cast<unsigned>(i / launch.grid.x / launch.grid.y)};
    run_block();
  }
  block.launch = nullptr;
  return block.fault;
}

void suspend(State state) {
  Thread& thread = *block.current;
  thread.state = state;
  switch_context(thread.context, scheduler);
}

void raise(FaultKind kind, const std::string& what, const void* code) {
  watching = false;
  block.fault = fault_of(kind, block.current, what, code);
  Context nowhere;
  switch_context(nowhere, scheduler);
  std::abort();
}

// ---- places ----

unsigned thread_x() noexcept { return block.current->position.x; }
unsigned thread_y() noexcept { return block.current->position.y; }
unsigned thread_z() noexcept { return block.current->position.z; }
unsigned block_x() noexcept { return block.position.x + rank_of(*block.current); }
unsigned block_y() noexcept { return block.position.y; }
unsigned block_z() noexcept { return block.position.z; }
unsigned lane() noexcept { return block.current->lane; }
void* dynamic_shared() noexcept { return dynamic_memory + rank_of(*block.current) * kMaxShared; }

// ---- barriers ----

void block_barrier(Place place) {
  const Unwatched unwatched;
  block.current->place = place;
  suspend(State::at_barrier);
}

int block_vote(Place place, bool value, int kind) {
  const Unwatched unwatched;
  block.current->place = place;
  block.current->vote = value;
  suspend(State::at_barrier);
  return block.votes[rank_of(*block.current)][kind];
}

void cluster_barrier(const char* file, int line) {
  const Unwatched unwatched;
  block.current->place = {file, line};
  suspend(State::at_cluster);
}

// ---- meetings of a warp ----

const Meeting::Page& meet(Place place, int kind, uint32_t mask, const uint32_t* words, int count,
                          void (*complete)(Meeting::Page&)) {
  Thread& thread = *block.current;
  const uint32_t bit = 1u << thread.lane;
  if ((mask & bit) == 0) raise(FaultKind::other, "calls a function of the warp with a mask that leaves out itself");
  Meeting& meeting = block.meetings[thread.warp][std::countr_zero(mask)];
  if (meeting.arrived == 0) {
    meeting.mask = mask;
    meeting.kind = kind;
    meeting.place = place;
    meeting.page ^= 1;
  } else if (meeting.mask != mask || meeting.kind != kind || !same(meeting.place, place) || (meeting.arrived & bit)) {
    raise(FaultKind::other, "divergence: it meets its warp at " + text_of(place) + ", while other lanes wait at " +
                                text_of(meeting.place));
  }
  Meeting::Page& page = meeting.pages[meeting.page];
  for (int i = 0; i < count; ++i) page.in[thread.lane][i] = words[i];
  meeting.arrived |= bit;
  if (meeting.arrived != mask) {
    thread.place = place;
    suspend(State::at_meeting);
    return page;
  }
  if (complete) complete(page);
  meeting.arrived = 0;
  const int first = thread.warp * kLanes;
  for (uint32_t rest = mask & ~bit; rest; rest &= rest - 1) {
    block.threads[first + std::countr_zero(rest)].state = State::ready;
  }
  return page;
}

namespace {

enum Kind { kBarrier, kBallot, kShuffle };

}  // namespace

void warp_barrier(Place place, unsigned mask) {
  const Unwatched unwatched;
  meet(place, kBarrier, mask, nullptr, 0, [](Meeting::Page&) { ++block.step[block.current->warp]; });
}

unsigned warp_ballot(Place place, unsigned mask, bool value) {
  const Unwatched unwatched;
  const uint32_t word = value;
  const Meeting::Page& page = meet(place, kBallot, mask, &word, 1);
  unsigned votes = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    votes |= page.in[lane][0] << lane;
  }
  return votes;
}

uint64_t warp_shuffle(Place place, unsigned mask, uint64_t value, unsigned from) {
  const Unwatched unwatched;
  const uint32_t words[2] = {static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)};
  const Meeting::Page& page = meet(place, kShuffle, mask, words, 2);
  if ((mask >> from & 1) == 0) {
    raise(FaultKind::other, "reads lane " + std::to_string(from) + ", which takes no part, at " + text_of(place));
  }
  return page.in[from][0] | static_cast<uint64_t>(page.in[from][1]) << 32;
}

}  // namespace lmspt::emulation
