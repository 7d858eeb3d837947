// What other programs and papers call the options of this one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim::config {

struct Synonym {
  const char* word;     // in small letters, with _ between: "lr"
  const char* setting;  // what to write: "train.rate", or with its value "run.compute=bfloat16"
};

// The whole table.
const std::vector<Synonym>& synonyms();

// The setting that a word stands for, in any case and with - or _; "" if there is none.
std::string meant_setting(std::string_view word);

}  // namespace moesim::config
