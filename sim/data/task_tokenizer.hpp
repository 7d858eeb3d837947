// TaskTokenizer is a tokenizer with further tokens for the parts of an example: [sep], [eos] and the
// label of each task. In text they are written as here; [LABEL] for a label.
#pragma once

#include "sim/data/tokenizer.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

class TaskTokenizer final : public Tokenizer {
 public:
  // Ids: those of `text`, then [sep], [eos], and the labels in this order.
  TaskTokenizer(std::unique_ptr<Tokenizer> text, const std::vector<std::string>& labels);
  // Reads content(). Throws Exit::data, or nlohmann::json::exception if it is not JSON.
  static std::unique_ptr<Tokenizer> from(const std::string& content, const std::string& path);

  std::int32_t separator() const { return first_; }
  std::int32_t end() const { return first_ + 1; }
  std::int32_t label(index task) const { return first_ + 2 + static_cast<std::int32_t>(task); }
  // Encodes text as it is: "[sep]" is five characters there.
  const Tokenizer& text() const { return *text_; }

  index vocabulary() const override { return first_ + static_cast<index>(names_.size()); }
  std::int32_t unknown() const override { return text_->unknown(); }
  index characters(std::int32_t id) const override {
    return id < first_ ? text_->characters(id) : 0;
  }
  void encode(std::string_view text, const std::function<void(std::int32_t)>& take) const override;
  std::string decode(const std::vector<std::int32_t>& ids) const override;
  std::size_t settled(const std::vector<std::int32_t>& ids) const override;
  std::string kind() const override { return kKind; }
  std::string content() const override;

  static constexpr const char* kKind = "tasks";
  // True for a label that is the name of another token.
  static bool is_reserved(std::string_view label) { return label == "sep" || label == "eos"; }

 private:
  std::unique_ptr<Tokenizer> text_;
  std::int32_t first_;              // id of [sep]
  std::vector<std::string> names_;  // sep, eos, and the labels
  std::map<std::string, std::int32_t, std::less<>> ids_;
};

}  // namespace moesim
