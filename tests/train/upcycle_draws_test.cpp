// Tests what upcycling draws: noise on the weights of experts, and hidden units drawn again.
#include "tests/support/catch.hpp"
#include "tests/train/upcycled.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

TEST_CASE("upcycle: noise and redrawn units change experts only", "[train][start]") {
  Source source;
  const auto weights = [&](const Values& more) {
    return weights_of(Upcycled(source, with(choice({"k", "2", "normalise", "sum"}), more)).sparse);
  };
  const auto plain = weights({});
  for (const Values& more : std::vector<Values>{{"init.noise", "0.1"}, {"init.drop", "0.5"}}) {
    CHECK(weights(more) == weights(more));
    for (const auto& [name, values] : weights(more)) {
      CAPTURE(name);
      const bool matrix = name.find(".experts.w") != std::string::npos;
      CHECK((values != plain.at(name)) == matrix);
    }
  }
  CHECK(weights({"init.noise", "0", "init.drop", "0"}) == plain);
  // Half of the hidden units of an expert are kept, those of the others differ.
  const std::vector<real> drawn = weights({"init.drop", "0.5"}).at("blocks.0.moe.experts.w1"),
                          before = plain.at("blocks.0.moe.experts.w1");
  index kept = 0;
  for (std::size_t i = 0; i < drawn.size(); ++i) kept += drawn[i] == before[i] ? 1 : 0;
  CHECK(2 * kept == static_cast<index>(drawn.size()));
}

struct Moments {
  double mean = 0, deviation = 0;
};
Moments moments_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  Moments m;
  for (const double v : values) m.mean += v / n;
  for (const double v : values) m.deviation += (v - m.mean) * (v - m.mean) / n;
  m.deviation = std::sqrt(m.deviation);
  return m;
}

// Four copies with 16 x 32 and 32 x 16 weights.
TEST_CASE("upcycle: noise and redrawn units have the distribution of their formulas",
          "[train][start]") {
  Source source({}, 1);
  const auto weights = [&](const Values& more, const std::string& name) {
    const Upcycled made(source, with(choice({"k", "2", "normalise", "sum"}), more));
    return weights_of(made.sparse).at("blocks.0.moe.experts." + name);
  };
  const std::vector<real> w1 = weights({}, "w1"), w2 = weights({}, "w2"),
                          noisy = weights({"init.noise", "0.1"}, "w1"),
                          drawn1 = weights({"init.drop", "0.5"}, "w1"),
                          drawn2 = weights({"init.drop", "0.5"}, "w2");
  REQUIRE(w1.size() == 4 * 16 * 32);
  std::vector<double> factors;
  for (std::size_t i = 0; i < w1.size(); ++i)
    factors.push_back(static_cast<double>(noisy[i]) / static_cast<double>(w1[i]));
  const Moments noise = moments_of(factors);  // of 2048 draws: errors of 0.0022 and 0.0016
  CHECK(std::abs(noise.mean - 1) < 4 * 0.0022);
  CHECK(std::abs(noise.deviation - 0.1) < 4 * 0.0016);
  for (std::size_t i = 0; i < 512; ++i) CHECK(std::abs(factors[i] - factors[512 + i]) > 1e-9);

  std::vector<std::vector<bool>> units;
  for (std::size_t e = 0; e < 4; ++e) {
    CAPTURE(e);
    std::vector<bool> in(32), out(32);
    std::vector<double> before, after;
    for (std::size_t d = 0; d < 16; ++d)
      for (std::size_t unit = 0; unit < 32; ++unit) {
        const std::size_t at1 = (e * 16 + d) * 32 + unit, at2 = (e * 32 + unit) * 16 + d;
        if (drawn2[at2] != w2[at2]) out[unit] = true;
        if (drawn1[at1] == w1[at1]) continue;
        in[unit] = true;
        before.push_back(static_cast<double>(w1[at1]));
        after.push_back(static_cast<double>(drawn1[at1]));
      }
    CHECK(in == out);  // the same units in all matrices
    REQUIRE(before.size() == 16 * 16);
    const Moments own = moments_of(before), made = moments_of(after);
    CHECK(own.mean > 0.9);
    CHECK(std::abs(made.mean - own.mean) < 4 * own.deviation / 16);
    CHECK(std::abs(made.deviation / own.deviation - 1) < 4 / std::sqrt(2 * 256.0));
    for (const std::vector<bool>& other : units) CHECK(in != other);  // others in every expert
    units.push_back(in);
  }
}

}  // namespace
}  // namespace moesim::testing
