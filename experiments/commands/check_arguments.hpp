// What `moesim check` is to certify, from its command line.
#pragma once

#include "sim/certify/certificate.hpp"

#include <string>
#include <vector>

namespace moesim {

// One certificate, a row of the table.
struct CheckRow {
  std::string settings;  // the variant's name, or the settings as they were written
  Subject subject;
  bool optional = false;  // left out of the short table unless it shows something
};

// NAME is a router or an expert; router.NAME and expert.NAME say which. What has an = after it is a
// setting of the name before it: a key of its own section, short or in full, expert.name,
// expert.hidden and keys of the expert's section, and the sizes of the site. Routers come first. No
// names: all that are registered. Throws Exit::usage.
std::vector<CheckRow> check_rows(const std::vector<std::string>& arguments, bool all);

}  // namespace moesim
