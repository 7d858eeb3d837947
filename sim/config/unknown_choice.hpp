// Explains a word that is none of the possible ones, of an option in a file or on the command line.
#pragma once

#include <string>
#include <vector>

namespace moesim::config {

// "unknown choice; did you mean token? choose one of token, batch"
std::string unknown_choice(const std::string& word, const std::vector<std::string>& choices);

}  // namespace moesim::config
