#include "sim/data/task_tokenizer.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>

namespace moesim {

TaskTokenizer::TaskTokenizer(std::unique_ptr<Tokenizer> text,
                             const std::vector<std::string>& labels)
    : text_(std::move(text)),
      first_(static_cast<std::int32_t>(text_->vocabulary())),
      names_{"sep", "eos"} {
  names_.insert(names_.end(), labels.begin(), labels.end());
  for (std::size_t i = 0; i < names_.size(); ++i)
    ids_[names_[i]] = first_ + static_cast<std::int32_t>(i);
}

// Its first line is {"tokens": kind of the text, "labels": [...]}, the rest the content of the text's
// tokenizer.
std::string TaskTokenizer::content() const {
  const nlohmann::ordered_json header = {
      {"tokens", text_->kind()},
      {"labels", std::vector<std::string>(names_.begin() + 2, names_.end())}};
  return header.dump() + "\n" + text_->content();
}

std::unique_ptr<Tokenizer> TaskTokenizer::from(const std::string& content,
                                               const std::string& path) {
  const std::size_t end = std::min(content.find('\n'), content.size());
  const auto header = nlohmann::ordered_json::parse(content.substr(0, end));
  const auto labels = header.at("labels").get<std::vector<std::string>>();
  const auto kind = header.at("tokens").get<std::string>();
  if (kind == kKind || !std::all_of(labels.begin(), labels.end(), config::is_name))
    fail(Exit::data, path + ": no tokeniser that this build knows");
  return std::make_unique<TaskTokenizer>(
      make_tokenizer(kind, end < content.size() ? content.substr(end + 1) : "", path), labels);
}

void TaskTokenizer::encode(std::string_view text,
                           const std::function<void(std::int32_t)>& take) const {
  std::size_t plain = 0;  // where the text that is not encoded yet begins
  for (std::size_t at = text.find('['); at != text.npos; at = text.find('[', at + 1)) {
    const std::size_t close = text.find(']', at);
    if (close == text.npos) break;
    const auto known = ids_.find(text.substr(at + 1, close - at - 1));
    if (known == ids_.end()) continue;
    if (at > plain) text_->encode(text.substr(plain, at - plain), take);
    take(known->second);
    plain = close + 1;
  }
  if (plain < text.size()) text_->encode(text.substr(plain), take);
}

std::string TaskTokenizer::decode(const std::vector<std::int32_t>& ids) const {
  std::string text;
  std::vector<std::int32_t> plain;
  const auto flush = [&] {
    if (!plain.empty()) text += text_->decode(plain);
    plain.clear();
  };
  for (const std::int32_t id : ids) {
    if (id < first_) {
      plain.push_back(id);
      continue;
    }
    flush();
    text += "[" + names_.at(static_cast<std::size_t>(id - first_)) + "]";
  }
  flush();
  return text;
}

std::size_t TaskTokenizer::settled(const std::vector<std::int32_t>& ids) const {
  const auto last =
      std::find_if(ids.rbegin(), ids.rend(), [this](auto id) { return id >= first_; });
  return static_cast<std::size_t>(last.base() - ids.begin()) +
         text_->settled({last.base(), ids.end()});
}

}  // namespace moesim
