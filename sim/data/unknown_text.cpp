#include "sim/data/unknown_text.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace moesim {

void UnknownText::add(const std::string& name, const Stretch& train, const Stretch& validation,
                      index characters) {
  const std::int32_t unknown = tokenizer_.unknown();
  if (unknown < 0) return;
  index count[2] = {0, 0}, known = 0;
  const Stretch* const splits[2] = {&train, &validation};
  for (int split = 0; split < 2; ++split) {
    each_slice(*splits[split], [&](index, const std::vector<std::int32_t>& ids) {
      for (const std::int32_t id : ids) {
        if (id == unknown)
          ++count[split];
        else
          known += tokenizer_.characters(id);
      }
    });
    tokens_[split] += splits[split]->count;
    unknown_[split] += count[split];
  }
  // Normalisation may lengthen a text, and byte fallback has tokens that are not characters.
  const index foreign = count[0] + count[1] == 0 ? 0 : std::max<index>(0, characters - known);
  characters_ += characters;
  foreign_ += foreign;
  const auto check = [&name](index some, index whole, const std::string& what) {
    if (some == 0 || 2 * some < whole) return;
    fail(Exit::data,
         fmt::format("{}: expected text that the model of data.model knows, found that {:.0f} % "
                     "of {} are unknown to it: use a model made for this text, one with byte "
                     "fallback, or tokens = bytes",
                     name, 100.0 * static_cast<double>(some) / static_cast<double>(whole), what));
  };
  check(foreign, characters, "its characters");
  check(count[0], train.count, "its training tokens");
  check(count[1], validation.count, "its validation tokens");
}

void UnknownText::write(DatasetInfo& info) const {
  if (tokenizer_.unknown() < 0) return;
  const auto share = [](index part, index whole) {
    return static_cast<double>(part) / static_cast<double>(std::max<index>(whole, 1));
  };
  info.unknown_train = share(unknown_[0], tokens_[0]);
  info.unknown_validation = share(unknown_[1], tokens_[1]);
  info.unknown_characters = share(foreign_, characters_);
}

}  // namespace moesim
