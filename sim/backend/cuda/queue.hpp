// The stream that everything is queued in, and what takes down what that was.
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

// Bytes between the members of a value are anything. Where the compiler cannot clear them, values
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

// All that a round of work asked the device for, to the last argument: rounds with equal traces do
// the same, but for what stands in memory.
class Trace {
 public:
  Trace() = default;
  // Of a round that is captured: then nothing that cannot be replayed may happen, and what is
  // copied from the host must stay there. `uploads`: that of the round before.
  explicit Trace(const char* uploads) : uploads_then_(uploads), captured_(true) {}

  template <class... T>
  void add(const T&... values) {
    (add_value(values), ...);
  }
  // -> where the copy of these bytes is to read them
  const void* add_upload(const void* host, std::size_t bytes) {
    const std::size_t at = uploads_.size();
    const auto* begin = static_cast<const char*>(host);
    uploads_.insert(uploads_.end(), begin, begin + bytes);
    return captured_ ? uploads_then_ + at : host;
  }
  // Memory that is used and must stay what it is.
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
  Trace* trace = nullptr;  // of the round that is running, if it is taken down
  operator cudaStream_t() const { return stream; }

  bool captured() const { return trace != nullptr && trace->captured(); }
  // What a replay could not do again.
  void refuse(const char* why) const {
    if (trace != nullptr) trace->refuse(why);
  }
  // The stream that a kernel draws from. Replays of a step that the kernel was told would have its
  // numbers; where it stands in memory, arguments do not have it.
  Stream replayable(Stream numbers) const {
    if (numbers.step_at == nullptr)
      refuse("it draws random numbers of one step");
    else
      numbers.step = 0;
    return numbers;
  }
};

}  // namespace moesim::cuda
