// Tests that later tokens change no bit of earlier logits, whatever the heads of attention are.
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <algorithm>

namespace moesim::testing {
namespace {

constexpr index kLongest = 48, kSequences = 3;

// Logits of three sequences, [sequence, position, id], whose tokens from `cut` are moved by `by`.
std::vector<real> logits_from(const Training& training, index cut, std::int32_t by) {
  std::vector<std::int32_t> ids;
  for (index i = 0; i < kSequences * kLongest; ++i)
    ids.push_back((static_cast<std::int32_t>(i * i % 13) + (i % kLongest < cut ? 0 : by)) % 16);
  Context context;
  std::vector<Loss> losses;
  return training.model
      ->forward({kSequences, kLongest, Indices::of(ids, training.backend), {}}, context, losses)
      .to_host();
}

TEST_CASE("attention: later tokens change no bit of earlier logits", "[train]") {
  for (const char* kv_heads : {"0", "1", "2"})
    for (const char* norm : {"none", "head", "all"})
      for (const char* positions : {"learned", "rotary"})
        for (const index cut : {index{1}, index{17}, kLongest - 1}) {
          CAPTURE(kv_heads, norm, positions, cut);
          Training training({"router.name", "dense", "model.layers", "2", "model.width", "40",
                             "model.heads", "4", "model.kv_heads", kv_heads, "model.qk_norm", norm,
                             "model.positions", positions, "data.length", "48"},
                            2);
          training.run();
          const std::vector<real> before = logits_from(training, cut, 0),
                                  after = logits_from(training, cut, 1);
          const std::size_t row = before.size() / (kSequences * kLongest);
          for (std::size_t i = 0; i < before.size(); i += row * kLongest) {
            const auto begin = before.begin() + static_cast<std::ptrdiff_t>(i);
            const auto end = begin + static_cast<std::ptrdiff_t>(row) * cut;
            const auto moved = after.begin() + static_cast<std::ptrdiff_t>(i);
            CHECK(std::equal(begin, end, moved));
            CHECK_FALSE(
                std::equal(end, end + static_cast<std::ptrdiff_t>(row), moved + (end - begin)));
          }
        }
}

}  // namespace
}  // namespace moesim::testing
