#include "sim/data/dataset.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>

namespace moesim {

std::string Dataset::decode(const std::vector<std::int32_t>& ids) const {
  return fmt::format("{}", fmt::join(ids, " "));
}

std::vector<std::int32_t> Dataset::encode(const std::string& text) const {
  std::vector<std::int32_t> ids;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    index id = -1;
    if (config::parse(word, id) != std::errc{} || id < 0 || id >= info().vocabulary)
      fail(Exit::data, fmt::format("'{}': expected the number of a token, from 0 to {}",
                                   config::printable(word), info().vocabulary - 1));
    ids.push_back(static_cast<std::int32_t>(id));
  }
  return ids;
}

}  // namespace moesim
