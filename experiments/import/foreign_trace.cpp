#include "experiments/import/foreign_trace.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

namespace moesim {

void check_choices(const std::string& where, const std::vector<std::int32_t>& expert, index k,
                   index experts) {
  // The last token that chose each expert, plus one.
  std::vector<std::size_t> last(static_cast<std::size_t>(experts), 0);
  const auto choices = static_cast<std::size_t>(k);
  for (std::size_t i = 0; i < expert.size(); ++i) {
    const std::int32_t e = expert[i];
    const std::size_t token = i / choices;
    if (e < 0 || e >= experts)
      fail(Exit::data, fmt::format("{}: token {}: expected an expert from 0 to {}, found {}", where,
                                   token, experts - 1, e));
    std::size_t& of = last[static_cast<std::size_t>(e)];
    if (of == token + 1)
      fail(Exit::data,
           fmt::format("{}: token {}: expected distinct experts, found {} twice", where, token, e));
    of = token + 1;
  }
}

std::string guess_note(index experts) {
  return fmt::format(
      "E = {} is a guess, one more than the largest expert; give --experts if there "
      "are more",
      experts);
}

}  // namespace moesim
