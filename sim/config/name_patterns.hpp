// Name patterns are lists of shell patterns that choose parameters by their full names: "*, !*.moe.*".
#pragma once

#include "sim/config/options.hpp"

#include <set>
#include <string>
#include <vector>

namespace moesim {

bool matches_name(const std::string& pattern, const std::string& name);

// The words of a list of patterns or names; spaces and commas separate them.
std::vector<std::string> words_of(std::string list);

// The names that patterns choose. !PATTERN leaves names out; of several patterns that match a name
// the last one holds. Rejects the option `key` for a pattern without a match.
std::set<std::string> chosen_names(Options& options, const std::string& key,
                                   const std::string& patterns,
                                   const std::vector<std::string>& names);

// The first names, and a pattern that differs from `pattern` by one misspelt word, if there is one:
// the end of an error about a pattern that matches none of the names.
std::string names_near(const std::string& pattern, const std::vector<std::string>& names);

}  // namespace moesim
