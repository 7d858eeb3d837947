// Storage is a reference-counted block of device memory from a Pool of size classes.
//
// The shapes of a training step repeat, so after the first step every block comes from the pool and
// nothing is allocated (fresh pages would cost a third to a half of a layer's time).
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace moesim {

class Backend;
class Device;

// A shared block of device memory. Copies share it; the last one returns it to its pool.
class Storage {
 public:
  // Copies and destructors are calls, as in Tensor.
  Storage() = default;
  Storage(const Storage&);
  Storage(Storage&&) noexcept;
  Storage& operator=(const Storage&);
  Storage& operator=(Storage&&) noexcept;
  ~Storage();
  Storage(std::shared_ptr<void> block, std::size_t bytes, Device* device)
      : block_(std::move(block)), bytes_(bytes), device_(device) {}

  void* data() const { return block_.get(); }
  std::size_t bytes() const { return bytes_; }
  Device& device() const { return *device_; }
  // The device as a Backend (sim/backend/backend.cpp): every device is one.
  Backend& backend() const;
  explicit operator bool() const { return block_ != nullptr; }
  // True if there are other copies.
  bool shared() const { return block_.use_count() > 1; }

 private:
  std::shared_ptr<void> block_;
  std::size_t bytes_ = 0;
  Device* device_ = nullptr;
};

// Pool allocates device memory in size classes and keeps free blocks for reuse. Classes are eighths
// of a power of two, and multiples of 64 bytes up to 512. An allocation without a free block of its
// class takes one of up to a quarter more: sizes change from step to step (rows left after drops).
class Pool {
 public:
  virtual ~Pool() = default;
  struct Reserved;  // the blocks of a Reserve
  struct Chunk {
    void* p = nullptr;
    std::size_t size = 0;
    std::shared_ptr<Reserved> reserved = nullptr;  // the reserve that owns this block, or null
    std::size_t block = 0, round = 0;
  };
  Chunk take(std::size_t bytes);
  void give(const Chunk& chunk);
  // Bytes held (in use and free), and the peak of bytes in use.
  std::size_t held() const { return held_; }
  std::size_t peak() const { return peak_; }
  // Number of system allocations so far: constant once the pool is warm.
  std::size_t allocations() const { return allocations_; }

 protected:
  virtual void* allocate_raw(std::size_t bytes) = 0;
  virtual void free_raw(void* block) = 0;
  // Called if memory is exhausted. -> true if a retry may succeed
  virtual bool make_room() { return false; }
  // Returns all free blocks to the system. -> true if there were any
  bool free_unused();

 private:
  friend class Reserve;
  static std::size_t size_class(std::size_t bytes);
  Chunk take_block(std::size_t wanted);
  Chunk take_reserved(std::size_t wanted);
  std::recursive_mutex mutex_;  // make_room() gives blocks back
  std::map<std::size_t, std::vector<void*>> free_;
  std::shared_ptr<Reserved> round_;  // the reserve of the current round, or null
  std::size_t held_ = 0, used_ = 0, peak_ = 0, allocations_ = 0;
};

// Reserve is memory of a replayed graph: every round gets the same addresses in the same order, and
// no other allocation gets them while the reserve lives. The results of a round are valid until the
// next one; handles to them may live longer.
class Reserve {
 public:
  explicit Reserve(Pool& pool);
  ~Reserve();
  Reserve(const Reserve&) = delete;
  Reserve& operator=(const Reserve&) = delete;

  // While it lives, allocations come from the reserve. The first round determines the reserve; a
  // later round whose allocations differ throws.
  class Round {
   public:
    explicit Round(Reserve& reserve);
    ~Round();
    Round(const Round&) = delete;
    Round& operator=(const Round&) = delete;
    // True if this round made exactly the first round's allocations.
    bool complete() const;

   private:
    Pool& pool_;
  };

 private:
  Pool& pool_;
  std::shared_ptr<Pool::Reserved> blocks_;
};

}  // namespace moesim
