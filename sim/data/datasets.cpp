#include "sim/data/datasets.hpp"

namespace moesim {
namespace {

struct Entry {
  const char* name;
  const char* summary;
  std::unique_ptr<Dataset> (*make)(Options&);
};

constexpr Entry kEntries[] = {
    {"synthetic", "Markov chains of several hidden domains; the best possible loss is known",
     make_synthetic},
    {"text", "text files as bytes, characters or SentencePiece tokens; domains by label",
     make_text},
    {"tokens", "token ids in the files of nanoGPT, NumPy and Megatron-LM; of any size",
     make_tokens},
    {"tasks", "pairs of source and target of several tasks, generated or from files", make_tasks},
    {"idx", "images and labels in the IDX format of MNIST or as .npy arrays, cut into patches",
     make_idx},
    {"cifar", "CIFAR-10 and CIFAR-100 in their binary version, cut into patches", make_cifar},
};

}  // namespace

std::unique_ptr<Dataset> make_dataset(Options& options) {
  std::vector<std::string> names;
  for (const Entry& entry : kEntries) names.push_back(entry.name);
  const std::string name = options.choice("name", names.front(), names, "data set");
  for (const Entry& entry : kEntries)
    if (name == entry.name) return entry.make(options);
  options.reject("name", "no such data set");
}

std::vector<std::pair<std::string, std::string>> dataset_summaries() {
  std::vector<std::pair<std::string, std::string>> result;
  for (const Entry& entry : kEntries) result.emplace_back(entry.name, entry.summary);
  return result;
}

}  // namespace moesim
