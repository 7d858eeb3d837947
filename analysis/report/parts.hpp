// ReportPart is a piece of a report that is made in a process of its own, in parallel with others;
// each reads all run files again.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace moesim {

struct ReportPart {
  std::string html;      // "" if there is nothing to show
  std::string left_out;  // one line: why the part is missing
};

// Runs each maker in a child process, as many at once as there are processors, at most four. The
// order of the results does not depend on the order in which they finish. If a child fails, its
// part is made again in this process, which then throws the actual error.
std::vector<ReportPart> make_parts(const std::vector<std::function<ReportPart()>>& makers);

}  // namespace moesim
