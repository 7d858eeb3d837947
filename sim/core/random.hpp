// Stream is the key of a sequence of counter-based random numbers (Philox4x32-10, Salmon et al.
// 2011).
//
// A draw is a pure function of (seed, purpose, step, layer, counter). It has no state, is the same
// on every device and for any number of threads, and resuming a run requires only the step number.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace moesim {

// Use of the numbers. Values are part of the reproducibility contract: append, never renumber.
enum class Purpose : std::uint32_t {
  parameters = 1,
  data = 2,
  dropout = 3,
  router_noise = 4,
  router_jitter = 5,
  second_choice = 6,
  masking = 7,
  evaluation = 8,
  synthetic = 9,
  sampling = 10,
  places = 11,
  expert_dropout = 12,
  upcycling = 13,
  adapter_dropout = 14,
};

struct Stream {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::parameters;
  std::uint32_t step = 0;
  std::uint32_t layer =
      0;  // or a site number inside the layer; parameters use the hash of their name
  // Address of the step in device memory, for kernels that are recorded once and replayed in many
  // steps (sim/core/replay.hpp). Null: `step`.
  const std::int32_t* step_at = nullptr;
};

// Block i of a stream (i = 0, 1, 2, ...): four words.
std::array<std::uint32_t, 4> random_block(const Stream& stream, std::uint64_t i);

// Word i of the stream.
std::uint32_t random_word(const Stream& stream, std::uint64_t i);

// Draw i, uniform in [0, 1) with 32 bits.
double random_uniform(const Stream& stream, std::uint64_t i);

// Draw i, uniform in 0 .. bound-1 (multiply-shift; the bias is below bound / 2^64).
std::uint64_t random_below(const Stream& stream, std::uint64_t i, std::uint64_t bound);

// Draw i, standard normal (Box and Muller 1958 on words 2i and 2i+1).
double random_normal(const Stream& stream, std::uint64_t i);

// FNV-1a hash, for keys that are names.
constexpr std::uint64_t hash_name(std::string_view name) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

}  // namespace moesim
