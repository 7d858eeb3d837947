// Text that a tokenizer does not know: how much of it there is, and whether it is too much.
#pragma once

#include "sim/data/dataset.hpp"
#include "sim/data/tokenizer.hpp"
#include "sim/data/windows.hpp"

#include <string>

namespace moesim {

class UnknownText {
 public:
  explicit UnknownText(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // One part with so many characters in both of its splits. Throws Exit::data if half of it is
  // unknown: losses would tell how often the unknown token comes, not how well the text is
  // predicted.
  void add(const std::string& name, const Stretch& train, const Stretch& validation,
           index characters);

  // The shares over all parts.
  void write(DatasetInfo& info) const;

 private:
  const Tokenizer& tokenizer_;
  index characters_ = 0, foreign_ = 0;  // of all texts, and those of them that are unknown
  index tokens_[2] = {0, 0}, unknown_[2] = {0, 0};  // of training, of validation
};

}  // namespace moesim
