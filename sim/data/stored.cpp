#include "sim/data/stored.hpp"

#include "sim/core/error.hpp"
#include "sim/data/info_json.hpp"
#include "sim/data/tokenizer.hpp"

#include <nlohmann/json.hpp>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

class StoredDataset final : public Dataset {
 public:
  StoredDataset(DatasetInfo info, std::unique_ptr<Tokenizer> tokenizer)
      : info_(std::move(info)), tokenizer_(std::move(tokenizer)) {}

  const DatasetInfo& info() const override { return info_; }
  const Tokenizer* tokenizer() const override { return tokenizer_.get(); }
  Batch batch(Split, std::uint64_t, index, index) const override {
    fail_in("stored data", "there are no batches");
  }

 private:
  DatasetInfo info_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

}  // namespace

std::vector<StoredFile> stored_files(const Dataset& data) {
  Json json = to_json(data.info());
  const Tokenizer* const tokenizer = data.tokenizer();
  if (tokenizer != nullptr) json["tokens"] = tokenizer->kind();
  std::vector<StoredFile> files = {{kDataFile, json.dump()}};
  if (tokenizer != nullptr && !tokenizer->content().empty())
    files.push_back({kTokenizerFile, tokenizer->content()});
  return files;
}

std::shared_ptr<const Dataset> stored_dataset(const std::string& path, const std::string& json,
                                              const std::string& tokenizer) {
  try {
    const Json stored = Json::parse(json);
    DatasetInfo info = dataset_info(stored);
    std::unique_ptr<Tokenizer> tokens;
    if (stored.contains("tokens"))
      tokens = make_tokenizer(stored["tokens"].get<std::string>(), tokenizer, kTokenizerFile);
    if (tokens && tokens->vocabulary() != info.vocabulary)
      fail(Exit::data, "its tokeniser has another vocabulary");
    return std::make_shared<StoredDataset>(std::move(info), std::move(tokens));
  } catch (const Json::exception&) {
    fail(Exit::data, path + ": incomplete");
  } catch (const Error& problem) {
    fail(problem.code(), path + ": " + problem.what());
  }
}

}  // namespace moesim
