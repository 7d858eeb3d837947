#include "analysis/runs/at.hpp"

#include "analysis/render/escape.hpp"
#include "sim/core/error.hpp"

#include <charconv>

namespace moesim {

At at_of(const std::string& text) {
  if (text == "last") return {At::Kind::last, 0};
  if (text == "best") return {At::Kind::best, 0};
  At at{At::Kind::step, 0};
  const char* end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, at.step);
  if (problem != std::errc() || rest != end || at.step < 0)
    fail(Exit::usage, "--at " + terminal_safe(text) +
                          ": expected last, best or the number of training steps done before an "
                          "evaluation");
  return at;
}

}  // namespace moesim
