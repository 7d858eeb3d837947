// Stores in a checkpoint what a trained model needs of its data (sizes, names, tokenizer), so that
// the model can be used without the data.
#pragma once

#include "sim/data/dataset.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

// The names of the files in a checkpoint.
inline constexpr const char* kDataFile = "data.json";             // DatasetInfo, kind of tokens
inline constexpr const char* kTokenizerFile = "tokenizer.model";  // Tokenizer::content, if any

struct StoredFile {
  std::string name, bytes;
};
std::vector<StoredFile> stored_files(const Dataset& data);

// A data set with the same info() and tokenizer, but without batches. `json` and `tokenizer` are
// the contents of the two files; throws Exit::data if stored_files() did not write them. `path` is
// that of kDataFile, for messages.
std::shared_ptr<const Dataset> stored_dataset(const std::string& path, const std::string& json,
                                              const std::string& tokenizer);

}  // namespace moesim
