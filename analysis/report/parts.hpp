// Parts of a page that are made side by side: each reads all run files for itself.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace moesim {

struct Part {
  std::string html;      // "" if there is nothing to show
  std::string left_out;  // one line: why a part is not there
};

// Makes each in a process of its own, as many at once as there are processors, at most four. The
// result is that of one after the other, whatever the order in which they end. A part whose process
// fails is made again in this one, which throws what makes it fail.
std::vector<Part> make_parts(const std::vector<std::function<Part()>>& makers);

}  // namespace moesim
