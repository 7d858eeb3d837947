#include "sim/core/storage.hpp"

#include "sim/core/device.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <bit>

namespace moesim {

Storage::Storage(const Storage&) = default;
Storage::Storage(Storage&&) noexcept = default;
Storage& Storage::operator=(const Storage&) = default;
Storage& Storage::operator=(Storage&&) noexcept = default;
Storage::~Storage() = default;

Storage Device::allocate(std::size_t bytes) {
  const Chunk chunk = take(bytes);
  return {std::shared_ptr<void>(chunk.p, [this, chunk](void*) { give(chunk); }), bytes, this};
}

std::size_t Pool::size_class(std::size_t bytes) {
  constexpr std::size_t kSmallest = 64;
  if (bytes <= kSmallest * 8) return (bytes + kSmallest - 1) / kSmallest * kSmallest;
  const std::size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

struct Pool::Reserved {
  struct Block {
    void* p;
    std::size_t size;
    std::size_t handles = 0;  // of this and earlier rounds
    std::size_t round = 0;    // the last round that took it
    bool taken = false;       // in this round
  };
  std::vector<Block> blocks;
  struct Request {
    std::size_t wanted, block;
  };
  std::vector<Request> requests;  // of each round, in order
  std::size_t round = 0, next = 0;
  bool failed = false;  // this round allocates other sizes than the first
  bool given_up = false;
};

Pool::Chunk Pool::take(std::size_t bytes) {
  const std::size_t wanted = size_class(bytes);
  const std::lock_guard lock(mutex_);
  return round_ ? take_reserved(wanted) : take_block(wanted);
}

Pool::Chunk Pool::take_block(std::size_t wanted) {
  const auto fits = std::find_if(free_.lower_bound(wanted), free_.end(),
                                 [](const auto& entry) { return !entry.second.empty(); });
  Chunk chunk{nullptr, wanted};
  if (fits != free_.end() && fits->first <= wanted + wanted / 4) {
    chunk.p = fits->second.back(), chunk.size = fits->first;
    fits->second.pop_back();
  } else {
    for (bool done = false; !done;) {
      try {
        chunk.p = allocate_raw(wanted);
        done = true;
      } catch (const Error&) {
        if (!make_room()) throw;
      }
    }
    held_ += wanted;
    ++allocations_;
  }
  used_ += chunk.size;
  peak_ = std::max(peak_, used_);
  return chunk;
}

Pool::Chunk Pool::take_reserved(std::size_t wanted) {
  Reserved& reserve = *round_;
  std::vector<Reserved::Block>& blocks = reserve.blocks;
  if (reserve.round == 1) {
    auto best = blocks.end();
    for (auto b = blocks.begin(); b != blocks.end(); ++b)
      if (!b->taken && b->size >= wanted && b->size <= wanted + wanted / 4 &&
          (best == blocks.end() || b->size < best->size))
        best = b;
    if (best == blocks.end()) {
      const Chunk fresh = take_block(wanted);
      best = blocks.insert(blocks.end(), {.p = fresh.p, .size = fresh.size});
    }
    reserve.requests.push_back({wanted, static_cast<std::size_t>(best - blocks.begin())});
  } else if (reserve.next == reserve.requests.size() ||
             reserve.requests[reserve.next].wanted != wanted ||
             blocks[reserve.requests[reserve.next].block].taken) {
    reserve.failed = true;
    fail_in("Reserve", "a round allocates other sizes than the first");
  }
  const std::size_t at = reserve.requests[reserve.next++].block;
  Reserved::Block& block = blocks[at];
  block.taken = true, block.round = reserve.round;
  ++block.handles;
  return {block.p, block.size, round_, at, reserve.round};
}

void Pool::give(const Chunk& chunk) {
  const std::lock_guard lock(mutex_);
  if (chunk.reserved) {
    Reserved::Block& block = chunk.reserved->blocks[chunk.block];
    if (chunk.round == block.round) block.taken = false;
    if (--block.handles > 0 || !chunk.reserved->given_up) return;
  }
  used_ -= chunk.size;
  free_[chunk.size].push_back(chunk.p);
}

bool Pool::free_unused() {
  bool any = false;
  for (auto& [size, blocks] : free_)
    for (void* block : blocks) {
      free_raw(block);
      held_ -= size;
      any = true;
    }
  free_.clear();
  return any;
}

Reserve::Reserve(Pool& pool) : pool_(pool), blocks_(std::make_shared<Pool::Reserved>()) {}

Reserve::~Reserve() {
  const std::lock_guard lock(pool_.mutex_);
  blocks_->given_up = true;
  for (const Pool::Reserved::Block& block : blocks_->blocks) {
    if (block.handles > 0) continue;  // its last handle returns it
    pool_.used_ -= block.size;
    pool_.free_[block.size].push_back(block.p);
  }
}

Reserve::Round::Round(Reserve& reserve) : pool_(reserve.pool_) {
  const std::lock_guard lock(pool_.mutex_);
  Pool::Reserved& blocks = *reserve.blocks_;
  for (Pool::Reserved::Block& block : blocks.blocks) block.taken = false;
  ++blocks.round;
  blocks.next = 0, blocks.failed = false;
  pool_.round_ = reserve.blocks_;
}

bool Reserve::Round::complete() const {
  const Pool::Reserved& blocks = *pool_.round_;
  return !blocks.failed && blocks.next == blocks.requests.size();
}

Reserve::Round::~Round() {
  const std::lock_guard lock(pool_.mutex_);
  pool_.round_ = nullptr;
}

}  // namespace moesim
