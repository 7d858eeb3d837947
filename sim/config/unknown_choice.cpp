#include "sim/config/unknown_choice.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>

namespace moesim::config {

std::string unknown_choice(const std::string& word, const std::vector<std::string>& choices) {
  const std::string near = nearest(word, choices);
  return "unknown choice; " + (near.empty() ? "" : "did you mean " + near + "? ") +
         (choices.size() == 1 ? "choose " : "choose one of ") + joined(choices);
}

std::string shown_value(const std::string& value) {
  const bool unseen = value.empty() || trimmed(value) != value;
  return unseen ? "'" + printable(value) + "'" : printable(value);
}

void require_choice(const std::string& what, const std::string& word,
                    const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), word) == choices.end())
    fail(Exit::usage,
         "command line: " + what + " " + shown_value(word) + ": " + unknown_choice(word, choices));
}

}  // namespace moesim::config
