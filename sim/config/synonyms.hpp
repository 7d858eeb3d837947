// Lists the names that papers and other programs use for moesim's options, for "did you mean".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim::config {

struct Synonym {
  const char* word;     // lower case, with underscores: "lr"
  const char* setting;  // what to write: "train.rate", or with its value "run.compute=bfloat16"
};

// The whole table.
const std::vector<Synonym>& synonyms();

// The setting that a word means, in any case and with - or _; "" if unknown.
std::string meant_setting(std::string_view word);

}  // namespace moesim::config
