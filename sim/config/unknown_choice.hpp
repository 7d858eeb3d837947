// Explains a word that is none of the possible ones, of an option in a file or on the command line.
#pragma once

#include <string>
#include <vector>

namespace moesim::config {

// "unknown choice; did you mean token? choose one of token, batch"
std::string unknown_choice(const std::string& word, const std::vector<std::string>& choices);

// The value for an error; in quotes where its ends would not be seen: "", " batch".
std::string shown_value(const std::string& value);

// Throws Exit::usage for a word that is none of the choices:
// "command line: --by tokn: unknown choice; did you mean token? choose one of token, batch".
// what: the option ("--by"), or the command and its operands ("list").
void require_choice(const std::string& what, const std::string& word,
                    const std::vector<std::string>& choices);

}  // namespace moesim::config
