#include "experiments/sweep/stored_run.hpp"

#include "sim/config/reader.hpp"
#include "sim/core/error.hpp"
#include "sim/data/root.hpp"
#include "sim/data/stored.hpp"
#include "sim/io/file.hpp"
#include "sim/io/sha256.hpp"

#include <filesystem>

namespace moesim {

StoredRun read_stored_run(const std::string& folder) {
  const std::string config = folder + "/config.ini";
  if (std::error_code error; !std::filesystem::exists(config, error))
    fail(Exit::data, folder + ": no run; name the folder of one, as moesim status lists them");
  const std::string text = without_root(read_file(config));
  return {sha256_hex(text.data(), text.size()), expand(read_config(config), {}).front()};
}

std::shared_ptr<const Dataset> data_of(const Checkpoint& checkpoint) {
  const auto json = checkpoint.more.find(kDataFile);
  if (json == checkpoint.more.end()) return nullptr;
  const auto tokenizer = checkpoint.more.find(kTokenizerFile);
  return stored_dataset(checkpoint.path + "/" + kDataFile, json->second,
                        tokenizer == checkpoint.more.end() ? "" : tokenizer->second);
}

}  // namespace moesim
