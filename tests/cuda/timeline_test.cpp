// Tests the measured times of device work, and the limits they are compared with.
#include "experiments/commands/limits.hpp"
#include "sim/core/error.hpp"
#include "tests/cuda/support.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

double of(const std::array<double, kParts>& seconds, Part part) {
  return seconds[static_cast<std::size_t>(part)];
}

TEST_CASE("cuda: time is that of the work, not of asking for it", "[cuda]") {
  Backend* cuda = card("time is that of the work, not of asking for it");
  if (!cuda) return;
  arrange(1);
  // One part enqueues many tiny kernels. The other enqueues a few that each run much longer than
  // their launch, and it comes first in the queue.
  const index much = emulated() ? 1 << 16 : 1 << 24, little = 1;
  constexpr int kSeldom = 20, kOften = 60;
  const Storage block = cuda->allocate(static_cast<std::size_t>(much) * sizeof(real));
  auto* p = static_cast<real*>(block.data());
  Profile profile(cuda->timeline());
  const Profile::Scope scope(profile);
  for (int round = 0; round < 2; ++round) {  // time stamps are reused
    {
      const Span span(Part::experts);
      for (int i = 0; i < kSeldom; ++i) cuda->unary(Unary::normal_cdf, p, p, much);
    }
    {
      const Span span(Part::norms);
      for (int i = 0; i < kOften; ++i) cuda->unary(Unary::normal_cdf, p, p, little);
    }
    const auto seconds = profile.take();
    CHECK(of(seconds, Part::norms) > 0);
    CHECK(of(seconds, Part::experts) > of(seconds, Part::norms));
    CHECK(of(seconds, Part::attention) == 0);
  }
  const auto nothing = profile.take();
  CHECK(of(nothing, Part::experts) == 0);
  CHECK(of(nothing, Part::norms) == 0);
}

TEST_CASE("cuda: limits in every compute mode", "[cuda]") {
  Backend* cuda = card("limits in every compute mode");
  if (!cuda) return;
  arrange(1);
  for (const Compute compute : {Compute::float32, Compute::bfloat16, Compute::tf32}) {
    if (compute == Compute::tf32 && !cuda->has_tf32()) continue;
    cuda->set_compute(compute);
    Limits limits(*cuda, {.rows = 32, .depth = 16, .cols = 24, .copied = 4096});
    const Limits::Rates rates = limits.products();
    CHECK(rates.full > 0);
    CHECK(rates.compute > 0);
    CHECK(std::isfinite(rates.full));
    CHECK(std::isfinite(rates.compute));
    if (compute == Compute::float32) CHECK(rates.compute == rates.full);  // measured once
    const double copies = limits.copies();
    CHECK(copies > 0);
    CHECK(std::isfinite(copies));
    CHECK(limits.bytes() >= 2 * 4096 * sizeof(real));
  }
  cuda->set_compute(Compute::float32);
}

}  // namespace
}  // namespace moesim::testing
