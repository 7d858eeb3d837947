// Queue is the stream of a device, and Trace a log of the work that was queued in it.
#pragma once

#include "sim/core/random.hpp"
#include "sim/core/storage.hpp"

#include <cstddef>
#include <cstring>
#include <cuda_runtime.h>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace moesim::cuda {

// Padding bytes of arguments are undefined. Without this builtin they cannot be cleared, arguments
// cannot be compared, and nothing is replayed.
#if __has_builtin(__builtin_clear_padding)
inline constexpr bool kCompares = true;
template <class T>
void clear_padding(T& value) {
  __builtin_clear_padding(&value);
}
#else
inline constexpr bool kCompares = false;
template <class T>
void clear_padding(T&) {}
#endif

// Trace logs a round's kernel launches with all arguments. Rounds with equal traces do the same
// work, except for the values in memory.
class Trace {
 public:
  Trace() = default;
  // For a round that is captured: work that cannot be replayed is refused, and host data that the
  // graph copies must keep its address. `uploads`: buffer of the previous round's copies.
  explicit Trace(const char* uploads) : uploads_then_(uploads), captured_(true) {}

  template <class... T>
  void add(const T&... values) {
    (add_value(values), ...);
  }
  // -> the address from which the copy must read these bytes
  const void* add_upload(const void* host, std::size_t bytes) {
    const std::size_t at = uploads_.size();
    const auto* begin = static_cast<const char*>(host);
    uploads_.insert(uploads_.end(), begin, begin + bytes);
    return captured_ ? uploads_then_ + at : host;
  }
  // Keeps memory alive that the graph uses.
  void keep(Storage storage) { kept_.push_back(std::move(storage)); }

  struct Refused {};
  void refuse(const char* why) {
    if (refusal_.empty()) refusal_ = why;
    if (captured_) throw Refused{};
  }
  const std::string& refusal() const { return refusal_; }
  bool captured() const { return captured_; }
  const std::vector<char>& uploads() const { return uploads_; }
  bool same(const Trace& other) const {
    return asked_ == other.asked_ && uploads_ == other.uploads_;
  }

 private:
  template <class T>
  void add_value(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    clear_padding(value);
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    asked_.insert(asked_.end(), bytes, bytes + sizeof value);
  }

  const char* uploads_then_ = nullptr;
  bool captured_ = false;
  std::vector<char> asked_, uploads_;
  std::vector<Storage> kept_;
  std::string refusal_;
};

struct Queue {
  cudaStream_t stream = nullptr;
  Trace* trace = nullptr;  // of the current round, if it is logged
  operator cudaStream_t() const { return stream; }

  bool captured() const { return trace != nullptr && trace->captured(); }
  // Refuses to capture work that cannot be replayed.
  void refuse(const char* why) const {
    if (trace != nullptr) trace->refuse(why);
  }
  // The stream that a kernel draws from. A step passed as an argument would repeat the same numbers
  // in every replay; a step in device memory (step_at) does not.
  Stream replayable(Stream numbers) const {
    if (numbers.step_at == nullptr)
      refuse("random numbers are drawn for a fixed step");
    else
      numbers.step = 0;
    return numbers;
  }
};

}  // namespace moesim::cuda
