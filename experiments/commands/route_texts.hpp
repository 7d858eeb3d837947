// Writes what the tokens of a routed text look like.
#pragma once

#include "sim/data/dataset.hpp"
#include "sim/record/run_file.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// The text of a token behind another one: SentencePiece drops a space at the beginning of a text.
// "[mask]" for an id beyond the vocabulary.
std::string text_of_token(const Dataset& data, std::int32_t id);

// Puts trace_vocabulary and trace_vocabulary_text of the ids that occur.
void put_vocabulary(RunFile& file, const Dataset& data, const std::vector<std::int32_t>& ids);

}  // namespace moesim
