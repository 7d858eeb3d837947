// Parses the command line of `moesim check` into the plug-ins to certify.
#pragma once

#include "sim/certify/certificate.hpp"

#include <string>
#include <vector>

namespace moesim {

// CheckRow is one certificate to make, a row of the table.
struct CheckRow {
  std::string settings;  // the variant's name, or the settings as written
  Subject subject;
  bool optional = false;  // omitted from the short table if everything passes
};

// Parses NAME {key=value}. NAME is a router or an expert; router.NAME and expert.NAME disambiguate.
// A setting belongs to the name before it: a key of the plug-in's section, short or in full,
// expert.name, expert.hidden, keys of the expert's section, and the sizes of the site. Returns
// routers first. Without names: all registered plug-ins. Throws Exit::usage.
std::vector<CheckRow> check_rows(const std::vector<std::string>& arguments, bool all);

}  // namespace moesim
