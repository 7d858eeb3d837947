// Includes Catch2 2.13 (Debian 12) or 3 (Debian 13, Ubuntu 24.04).
#pragma once

#ifdef MOESIM_CATCH2
#include <catch2/catch.hpp>
// Catch2 3 has no matchers in Catch itself; what it would refuse is refused here.
namespace Catch {
void Contains() = delete;
void EndsWith() = delete;
void Equals() = delete;
void Matches() = delete;
void Message() = delete;
void Predicate() = delete;
void StartsWith() = delete;
void VectorContains() = delete;
void WithinAbs() = delete;
void WithinRel() = delete;
void WithinULP() = delete;
}  // namespace Catch
namespace moesim::testing {
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
inline auto contains(const std::string& text) { return Catch::Matchers::Contains(text); }
}  // namespace moesim::testing
#else
#include <catch2/catch_all.hpp>
namespace moesim::testing {
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
inline auto contains(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
}  // namespace moesim::testing
#endif

#include "sim/core/types.hpp"

#include <type_traits>

namespace moesim::testing {
inline constexpr bool kDouble = std::is_same_v<real, double>;
}  // namespace moesim::testing
