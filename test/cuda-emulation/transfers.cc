// Barriers that count bytes, and bulk copies.
//
// Warps have clocks of each other: a barrier carries what the warps that arrive know to those that wait. So a copy over
// what a product read is known to come after it, or not.
#include "cuda-emulation/transfers.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "cuda-emulation/memory_text.h"
#include "cuda-emulation/sm90_emulated.h"
#include "cuda-emulation/tensor_map.h"

namespace lmspt::emulation {

namespace {

constexpr int kWarps = kMaxThreads / kLanes;
using Clock = std::array<uint32_t, kWarps>;

void join(Clock& clock, const Clock& other) {
  for (int i = 0; i < kWarps; ++i) clock[i] = std::max(clock[i], other[i]);
}

struct Barrier {
  int arrivals = 0, pending = 0;
  int64_t bytes = 0;   // announced and not arrived
  uint32_t phase = 0;  // how many have ended
  Clock coming{}, passed{};
  std::array<uint32_t, kWarps> seen{};  // the phase up to which each warp has waited
};

struct Copy {
  uintptr_t target;
  std::vector<unsigned char> data;
  uintptr_t barrier;
};

// What threads wrote over what a copy brought, and which products read of that.
struct Rewritten {
  struct Chunk {         // of 16 bytes
    uint32_t clock = 0;  // of the warp that wrote, and of its thread's show_operands
    uint32_t shown = 0;
    uint16_t thread = 0;
  };
  struct Row {      // of 128 bytes
    int reads = 0;  // of products under way
    Clock read{};   // when each warp last read it
  };
  std::vector<Chunk> chunks;
  std::vector<Row> rows;
};

// Addresses from the first to the last that products read.
struct Span {
  uintptr_t begin = UINTPTR_MAX, end = 0;

  void add(uintptr_t address, size_t bytes) { begin = std::min(begin, address), end = std::max(end, address + bytes); }
  bool meets(uintptr_t address, size_t bytes) const { return begin < address + bytes && address < end; }
};

// What a copy brought, or brings.
struct Region {
  uintptr_t begin, end, barrier;
  bool landed = false;
  uint32_t phase = 0;                // of the barrier, in which it landed
  std::array<int, kWarps> reads{};   // of products under way
  Clock read{}, touched{};           // when each warp last read it in a product, or by itself
  std::array<Span, kWarps> spans{};  // what each warp's products read of it
  Rewritten rewritten;               // empty where no thread wrote

  bool meets(uintptr_t address, size_t bytes) const { return begin < address + bytes && address < end; }
};

std::map<uintptr_t, Barrier>& barriers = *new std::map<uintptr_t, Barrier>;
std::vector<Copy>& in_flight = *new std::vector<Copy>;
std::vector<Region>& regions = *new std::vector<Region>;
std::array<Clock, kWarps>& clocks = *new std::array<Clock, kWarps>;
std::array<uint32_t, kMaxThreads>& shown = *new std::array<uint32_t, kMaxThreads>;  // calls of show_operands

int warp_of_current() { return block.current->warp; }
int rank_of_current() { return block.current->index / block.threads_of_block; }

// The same place of another block of the cluster.
uintptr_t at_rank(const void* shared, int rank) {
  return reinterpret_cast<uintptr_t>(shared) + (rank - rank_of_current()) * static_cast<intptr_t>(kMaxShared);
}

std::string name_of(uintptr_t barrier) { return "the barrier at " + describe_shared_address(barrier); }

Barrier& barrier_at(uintptr_t address, const void* code) {
  const auto found = barriers.find(address);
  if (found == barriers.end()) raise(FaultKind::other, "uses " + name_of(address) + ", which was not made", code);
  return found->second;
}

// Own barriers are read as memory, so that one who did not wait for their making is found.
Barrier& own_barrier(const uint64_t* barrier, const void* code) {
  Barrier& found = barrier_at(reinterpret_cast<uintptr_t>(barrier), code);
  on_read(barrier, sizeof *barrier, code);
  return found;
}

void end_phase_if_complete(uintptr_t address, Barrier& barrier) {
  if (barrier.pending > 0 || barrier.bytes != 0) return;
  ++barrier.phase;
  barrier.pending = barrier.arrivals;
  barrier.passed = barrier.coming;
  for (int i = 0; i < block.thread_count; ++i) {
    Thread& thread = block.threads[i];
    if (thread.state != State::at_transfer || thread.awaited != address) continue;
    thread.state = State::ready;
    block.woken = true;
  }
}

void arrive(uintptr_t address, Barrier& barrier, int bytes, const void* code) {
  if (barrier.pending == 0) raise(FaultKind::other, "one arrival too many at " + name_of(address), code);
  Clock& clock = clocks[warp_of_current()];
  join(barrier.coming, clock);
  ++clock[warp_of_current()];
  barrier.bytes += bytes;
  --barrier.pending;
  end_phase_if_complete(address, barrier);
}

Region* region_of(uintptr_t address, size_t bytes) {
  for (Region& region : regions) {
    if (region.begin <= address && address + bytes <= region.end) return &region;
  }
  return nullptr;
}

bool is_hidden(const Rewritten::Chunk& chunk) { return chunk.clock > 0 && chunk.shown == shown[chunk.thread]; }

// A copy over what others brought before: nobody may still read that.
void claim(uintptr_t begin, uintptr_t end, const void* code) {
  const Clock& clock = clocks[warp_of_current()];
  for (const Region& region : regions) {
    if (region.end <= begin || end <= region.begin) continue;
    const std::string what = "a bulk copy to " + describe_shared_address(begin);
    if (!region.landed) raise(FaultKind::other, what + ", to which another is under way", code);
    for (const Rewritten::Chunk& chunk : region.rewritten.chunks) {
      if (is_hidden(chunk)) raise(FaultKind::other, what + ", where a thread wrote without show_operands", code);
    }
    for (int warp = 0; warp < kWarps; ++warp) {
      const std::string who = "warp " + std::to_string(warp);
      if (region.reads[warp] > 0) raise(FaultKind::other, what + ", which a product of " + who + " still reads", code);
      if (std::max(region.read[warp], region.touched[warp]) > clock[warp]) {
        raise(FaultKind::other, what + ", which " + who + " has read or written and not released", code);
      }
    }
  }
  std::erase_if(regions, [&](const Region& region) { return region.begin < end && begin < region.end; });
}

// What a copy brought there, for which the current warp has waited.
Region& region_for_threads(const unsigned char* place, const void* code) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(place);
  const std::string what = "16 bytes at " + describe_shared_address(address);
  if (address % 16 != 0) raise(FaultKind::misaligned, what + " are no multiple of 16 bytes on", code);
  Region* region = region_of(address, 16);
  if (!region) raise(FaultKind::other, what + ", which no bulk copy brought", code);
  if (!region->landed || barriers[region->barrier].seen[warp_of_current()] <= region->phase) {
    raise(FaultKind::other, what + ", for whose arrival the warp did not wait", code);
  }
  return *region;
}

// The current warp reads or writes; what it knows.
const Clock& touch(Region& region) {
  const Clock& clock = clocks[warp_of_current()];
  region.touched[warp_of_current()] = clock[warp_of_current()];
  return clock;
}

// Visits the rows of what threads wrote over a region that lie in `bytes` from `address` on.
template <class Visit>
void each_row(Region& region, uintptr_t address, size_t bytes, const Visit& visit) {
  if (region.rewritten.rows.empty()) return;
  const uintptr_t first = std::max(address, region.begin), last = std::min(address + bytes, region.end);
  for (size_t row = (first - region.begin) / 128; row < (last - region.begin + 127) / 128; ++row) visit(row);
}

// What threads wrote in a row: products see it, and the warp knows of it.
void check_written(const Region& region, size_t row, const std::string& what, const void* code) {
  for (size_t i = 8 * row; i < 8 * row + 8; ++i) {
    const Rewritten::Chunk& chunk = region.rewritten.chunks[i];
    if (is_hidden(chunk)) raise(FaultKind::other, what + ", over which a thread wrote without show_operands", code);
    const int warp = chunk.thread / kLanes;
    if (chunk.clock > clocks[warp_of_current()][warp]) {
      raise(FaultKind::other, what + ", over which warp " + std::to_string(warp) + " wrote with no barrier in between",
            code);
    }
  }
}

// What follows the last row of a copy in its swizzle block holds no numbers, unless another copy brings some.
void spoil_rest(uintptr_t end) {
  const uintptr_t offset = shared_address(reinterpret_cast<void*>(end)), left = (1024 - offset % 1024) % 1024;
  for (const Region& region : regions) {
    if (region.meets(end, left)) return;
  }
  std::memset(reinterpret_cast<void*>(end), 0xff, left);
}

// The box as it will lie in shared memory. Whether any of it is inside of the tensor.
bool fetch(const TensorMap& map, const int (&place)[5], uintptr_t target, std::vector<unsigned char>& data,
           const void* code) {
  bool any = false;
  const size_t row_bytes = size_t{map.box[0]} * map.element_bytes;
  size_t rows = 1;
  for (int i = 1; i < kMapDims; ++i) rows *= map.box[i];
  data.assign(rows * row_bytes, 0);
  for (size_t row = 0; row < rows; ++row) {
    uint64_t address = map.base;
    bool inside = true;
    size_t rest = row;
    for (int i = 1; i < kMapDims; ++i) {
      const int64_t at = place[i] + static_cast<int64_t>(rest % map.box[i]);
      rest /= map.box[i];
      inside &= at >= 0 && at < map.dims[i];
      address += at * map.strides[i - 1];
    }
    if (!inside) continue;
    const size_t pattern = (target + row * row_bytes) / 128 % 8;
    for (size_t chunk = 0; chunk < row_bytes / 16; ++chunk) {
      const int64_t first = place[0] + static_cast<int64_t>(chunk * 16 / map.element_bytes);
      for (int e = 0; e < 16 / map.element_bytes; ++e) {
        if (first + e < 0 || first + e >= map.dims[0]) continue;
        const auto* source = reinterpret_cast<const void*>(address + (first + e) * map.element_bytes);
        if (!is_device_address(source)) raise(FaultKind::address, "bulk copy from what is not device memory", code);
        any = true;
        on_read(source, map.element_bytes, code);
        std::memcpy(&data[row * row_bytes + (chunk ^ pattern) * 16 + e * map.element_bytes], source, map.element_bytes);
      }
    }
  }
  return any;
}

void start_copy(void* target, const CUtensorMap* tensor_map, const int (&place)[5], uint64_t* barrier, int blocks,
                const void* code) {
  TensorMap map;
  std::memcpy(&map, tensor_map, sizeof map);
  if (map.mark != kTensorMapMark) raise(FaultKind::other, "bulk copy by a map that was not encoded", code);
  const uint32_t offset = shared_address(target);
  if (offset % 128 != 0) raise(FaultKind::misaligned, "bulk copy to a place that is no multiple of 128 bytes", code);
  if (map.box[0] * map.element_bytes != 128) raise(FaultKind::other, "bulk copy of rows of other than 128 bytes", code);
  if (int64_t{place[0]} * map.element_bytes % 16 != 0) {
    raise(FaultKind::misaligned, "bulk copy from a place that is no multiple of 16 bytes along the first dimension",
          code);
  }
  std::vector<unsigned char> data;
  if (fetch(map, place, offset, data, code) && offset % 1024 != 0) {
    raise(FaultKind::misaligned, "bulk copy to a place that does not begin a swizzle block of 1024 bytes", code);
  }
  for (int rank = 0; rank < block.clusters; ++rank) {
    if ((blocks >> rank & 1) == 0) continue;
    Copy copy{at_rank(target, rank), data, at_rank(barrier, rank)};
    barrier_at(copy.barrier, code);
    claim(copy.target, copy.target + data.size(), code);
    on_copy_start(reinterpret_cast<void*>(copy.target), data.size(), code);
    Region region{};
    region.begin = copy.target, region.end = copy.target + data.size(), region.barrier = copy.barrier;
    regions.push_back(region);
    spoil_rest(region.end);
    in_flight.push_back(std::move(copy));
  }
}

void land(const Copy& copy) {
  std::memcpy(reinterpret_cast<void*>(copy.target), copy.data.data(), copy.data.size());
  Barrier& barrier = barriers[copy.barrier];
  Region* region = region_of(copy.target, copy.data.size());
  region->landed = true;
  region->phase = barrier.phase;
  barrier.bytes -= static_cast<int64_t>(copy.data.size());
  end_phase_if_complete(copy.barrier, barrier);
}

}  // namespace

void begin_transfers() {
  barriers.clear();
  in_flight.clear();
  regions.clear();
  shown.fill(0);
  for (int warp = 0; warp < kWarps; ++warp) {
    clocks[warp].fill(0);
    clocks[warp][warp] = 1;
  }
}

bool deliver_copies() {
  uintptr_t awaited = 0;
  for (const Copy& copy : in_flight) {
    for (int i = 0; awaited == 0 && i < block.thread_count; ++i) {
      const Thread& thread = block.threads[i];
      if (thread.state == State::at_transfer && thread.awaited == copy.barrier) awaited = copy.barrier;
    }
  }
  if (awaited == 0) return false;
  for (size_t i = in_flight.size(); i-- > 0;) {
    if (in_flight[i].barrier != awaited) continue;
    land(in_flight[i]);
    in_flight.erase(in_flight.begin() + static_cast<ptrdiff_t>(i));
  }
  return true;
}

std::string open_transfers() {
  if (!in_flight.empty()) return "ends while bulk copies are under way";
  for (const Region& region : regions) {
    for (int reads : region.reads) {
      if (reads > 0) return "ends while products of a warp group are under way";
    }
  }
  return {};
}

std::string describe_wait(const Thread& thread) {
  const Barrier& barrier = barriers[thread.awaited];
  return "waits forever for " + name_of(thread.awaited) + ", which misses " + std::to_string(barrier.pending) +
         " arrivals and " + std::to_string(barrier.bytes) + " bytes";
}

void start_read(uintptr_t address, size_t bytes, const void* code) {
  const std::string what = "a product of " + describe_shared_address(address);
  const int warp = warp_of_current();
  bool any = false;
  for (Region& region : regions) {
    if (!region.meets(address, bytes)) continue;
    any = true;
    if (!region.landed || barriers[region.barrier].seen[warp] <= region.phase) {
      raise(FaultKind::other, what + ", for whose arrival its warp did not wait", code);
    }
    each_row(region, address, bytes, [&](size_t row) {
      check_written(region, row, what, code);
      ++region.rewritten.rows[row].reads;
    });
    ++region.reads[warp];
    region.spans[warp].add(address, bytes);
  }
  if (!any) raise(FaultKind::other, what + ", which no bulk copy brought", code);
}

void finish_read(uintptr_t address, size_t bytes) {
  const int warp = warp_of_current();
  for (Region& region : regions) {
    if (!region.meets(address, bytes)) continue;
    each_row(region, address, bytes, [&](size_t row) {
      --region.rewritten.rows[row].reads;
      region.rewritten.rows[row].read[warp] = clocks[warp][warp];
    });
    --region.reads[warp];
    region.read[warp] = clocks[warp][warp];
  }
}

// ---- instructions ----

uint32_t shared_address(const void* pointer) {
  return static_cast<uint32_t>((reinterpret_cast<uintptr_t>(pointer) - reach.dynamic) % kMaxShared);
}

void barrier_init(uint64_t* barrier, int arrivals) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  on_write(barrier, sizeof *barrier, code);
  Barrier made;
  made.arrivals = made.pending = arrivals;
  barriers[reinterpret_cast<uintptr_t>(barrier)] = made;
}

void barrier_arrive(uint64_t* barrier) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  arrive(reinterpret_cast<uintptr_t>(barrier), own_barrier(barrier, code), 0, code);
}

void barrier_arrive_at(uint64_t* barrier, int rank) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  if (rank < 0 || rank >= block.clusters)
    raise(FaultKind::other, "arrives at a block that is none of its cluster", code);
  const uintptr_t address = at_rank(barrier, rank);
  arrive(address, barrier_at(address, code), 0, code);
}

void barrier_arrive_expecting(uint64_t* barrier, int bytes) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  arrive(reinterpret_cast<uintptr_t>(barrier), own_barrier(barrier, code), bytes, code);
}

void barrier_wait(uint64_t* barrier, int parity) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  Barrier& state = own_barrier(barrier, code);
  Thread& thread = *block.current;
  while (static_cast<int>(state.phase & 1) == parity) {
    thread.awaited = reinterpret_cast<uintptr_t>(barrier);
    suspend(State::at_transfer);
  }
  join(clocks[thread.warp], state.passed);
  state.seen[thread.warp] = state.phase;
}

void bulk_copy(void* target, const CUtensorMap* map, const int (&place)[5], uint64_t* barrier) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  start_copy(target, map, place, barrier, 1 << rank_of_current(), code);
}

void bulk_copy_to_all(void* target, const CUtensorMap* map, const int (&place)[5], uint64_t* barrier, int blocks) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  start_copy(target, map, place, barrier, blocks, code);
}

void load_operands(const unsigned char* source, void* words) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  Region& region = region_for_threads(source, code);
  touch(region);
  std::memcpy(words, source, 16);
}

void store_operands(unsigned char* target, const void* words) {
  const void* code = __builtin_return_address(0);
  const Unwatched unwatched;
  Region& region = region_for_threads(target, code);
  const Clock& clock = touch(region);
  const int warp = warp_of_current();
  Rewritten& rewritten = region.rewritten;
  if (rewritten.rows.empty()) {
    rewritten.rows.resize((region.end - region.begin) / 128);
    rewritten.chunks.resize(8 * rewritten.rows.size());
    for (size_t row = 0; row < rewritten.rows.size(); ++row) {
      for (int reader = 0; reader < kWarps; ++reader) {
        if (!region.spans[reader].meets(region.begin + 128 * row, 128)) continue;
        rewritten.rows[row].read[reader] = region.read[reader];
        rewritten.rows[row].reads += region.reads[reader];
      }
    }
  }
  const size_t chunk = (reinterpret_cast<uintptr_t>(target) - region.begin) / 16;
  const Rewritten::Row& row = rewritten.rows[chunk / 8];
  for (int other = 0; other < kWarps; ++other) {
    if (row.reads == 0 && row.read[other] <= clock[other]) continue;
    raise(FaultKind::other,
          "a store to " + describe_shared_address(reinterpret_cast<uintptr_t>(target)) +
              ", which a product reads with no barrier in between",
          code);
  }
  rewritten.chunks[chunk] = {clock[warp], shown[block.current->index], block.current->index};
  std::memcpy(target, words, 16);
}

void show_operands() {
  const Unwatched unwatched;
  ++shown[block.current->index];
}

int cluster_rank() { return rank_of_current(); }

void set_registers(int count) {
  const Unwatched unwatched;
  if (count % 8 != 0 || count < 24 || count > 256) {
    raise(FaultKind::other, "asks for " + std::to_string(count) + " registers, not a multiple of 8 from 24 to 256");
  }
}

}  // namespace lmspt::emulation
