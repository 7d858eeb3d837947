#include "sim/config/unknown_choice.hpp"

#include "sim/core/error.hpp"

namespace moesim::config {

std::string unknown_choice(const std::string& word, const std::vector<std::string>& choices) {
  const std::string near = nearest(word, choices);
  return "unknown choice; " + (near.empty() ? "" : "did you mean " + near + "? ") +
         (choices.size() == 1 ? "choose " : "choose one of ") + joined(choices);
}

}  // namespace moesim::config
