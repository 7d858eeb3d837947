#include "sim/data/examples.hpp"

#include <algorithm>

namespace moesim {

std::string instruction_of(const ExampleFormat& format, const std::string& label, index number) {
  const auto& all = format.instructions;
  const std::string& sentence = all[static_cast<std::size_t>(number) % all.size()];
  const std::size_t at = sentence.find("{}");
  if (at == sentence.npos) return sentence + " ";
  return sentence.substr(0, at) + label + sentence.substr(at + 2) + " ";
}

ExampleTokens example_of(const Pair& pair, const ExampleFormat& format,
                         const TaskTokenizer& tokenizer, const std::string& label, index task,
                         index instruction) {
  ExampleTokens example;
  const auto take = [&](std::int32_t id) { example.ids.push_back(id); };
  if (format.input == TaskInput::label) take(tokenizer.label(task));
  if (format.input == TaskInput::instruction)
    tokenizer.text().encode(instruction_of(format, label, instruction), take);
  tokenizer.text().encode(pair.source, take);
  take(tokenizer.separator());
  // The first token has nothing before it, or another example.
  example.counted = format.loss_on == LossOn::target ? example.ids.size() : 1;
  tokenizer.text().encode(pair.target, take);
  take(tokenizer.end());
  return example;
}

void ExampleRow::add(const ExampleTokens& example, std::int32_t domain) {
  const std::size_t count = std::min(example.ids.size(), size_ - ids_.size());
  for (std::size_t i = 0; i < count; ++i) {
    ids_.push_back(example.ids[i]);
    counted_.push_back(i >= example.counted);
    domains_.push_back(domain);
  }
}

void ExampleRow::append_to(Batch& batch, std::int32_t padding) {
  const std::int32_t domain = domains_.back();
  ids_.resize(size_, padding);
  counted_.resize(size_, false);
  domains_.resize(size_, domain);
  for (std::size_t t = 0; t + 1 < size_; ++t) {
    batch.ids.push_back(ids_[t]);
    batch.targets.push_back(counted_[t + 1] ? ids_[t + 1] : -1);
    batch.domains.push_back(domains_[t]);
  }
  ids_.clear(), counted_.clear(), domains_.clear();
}

}  // namespace moesim
