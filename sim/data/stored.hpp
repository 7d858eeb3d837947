// What a trained model needs of its data: sizes, names, and how text becomes tokens. A checkpoint
// holds it, so that the model is of use where the data itself is gone.
#pragma once

#include "sim/data/dataset.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

// The names under which a checkpoint holds it.
inline constexpr const char* kDataFile = "data.json";             // DatasetInfo, kind of tokens
inline constexpr const char* kTokenizerFile = "tokenizer.model";  // Tokenizer::content, if any

struct StoredFile {
  std::string name, bytes;
};
std::vector<StoredFile> stored_files(const Dataset& data);

// A data set of the same info() and the same tokens, without batches. Throws Exit::data if the
// contents of these two files are not what stored_files() gives; `path` is that of kDataFile, for
// messages.
std::shared_ptr<const Dataset> stored_dataset(const std::string& path, const std::string& json,
                                              const std::string& tokenizer);

}  // namespace moesim
