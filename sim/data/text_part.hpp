// TextPart is what becomes one row of tokens per split: the text of a domain, or of several.
#pragma once

#include "sim/data/windows.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct RowText {
  std::string name;  // for messages
  std::string text;
  std::vector<DomainRun> runs;  // by byte; the first begins at 0
};

struct TextPart {
  RowText train;
  std::optional<RowText> validation;  // none: the last part of `train`
  bool trained = true;                // false: held out, without training windows
};

}  // namespace moesim
