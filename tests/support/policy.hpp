// Builds policies (sim/moe/policies) for tests, from options as text.
#pragma once

#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <string>
#include <utility>

namespace moesim::testing {

// Policy(options, with...). An option that the policy does not read is an error.
template <class Policy, class... With>
Policy policy(const OptionValues& values, const With&... with) {
  Settings settings;
  for (const auto& [key, value] : values) settings.set("policy." + key, value, "test");
  Options options(settings, "policy");
  Policy made(options, with...);
  settings.check_all_read();
  return made;
}

// Why these options are rejected, or "accepted".
template <class Make>
std::string refusal_of(const Make& make) {
  try {
    make();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

inline Tensor table(index rows, index cols, const std::vector<real>& values) {
  return Tensor::of({rows, cols}, values, test_backend());
}
inline Indices numbers(const std::vector<std::int32_t>& values) {
  return Indices::of(values, test_backend());
}

inline void check_values(const Tensor& got, const std::vector<double>& want) {
  const std::vector<double> values = host(got);
  REQUIRE(values.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    CHECK_THAT(values[i], WithinAbs(want[i], kDouble ? 1e-12 : 1e-5));
  }
}

}  // namespace moesim::testing
