// UnknownText measures how much of a text a tokenizer cannot represent, and refuses too much.
#pragma once

#include "sim/data/dataset.hpp"
#include "sim/data/tokenizer.hpp"
#include "sim/data/windows.hpp"

#include <string>

namespace moesim {

class UnknownText {
 public:
  explicit UnknownText(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // Adds one part with `characters` characters in both splits. Throws Exit::data if half of it is
  // unknown: the loss would then measure the frequency of the unknown token, not the prediction of
  // text.
  void add(const std::string& name, const Stretch& train, const Stretch& validation,
           index characters);

  // Writes the shares over all parts.
  void write(DatasetInfo& info) const;

 private:
  const Tokenizer& tokenizer_;
  index characters_ = 0, foreign_ = 0;              // of all texts; unknown ones among them
  index tokens_[2] = {0, 0}, unknown_[2] = {0, 0};  // by split: training, validation
};

}  // namespace moesim
