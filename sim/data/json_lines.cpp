#include "sim/data/json_lines.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

namespace moesim {
namespace {

// SAX handler that keeps only the texts under two keys, so that other members of any size take no
// memory.
class TextsOfKeys final : public nlohmann::json_sax<nlohmann::json> {
 public:
  // The last key, which may be "", is that of the domain.
  explicit TextsOfKeys(const std::vector<std::string>& wanted)
      : found(wanted.size()), wanted_(wanted) {}

  // The value under each key; none if it is missing or not text.
  std::vector<std::optional<std::string>> found;
  std::vector<std::string> keys;  // the first keys of the object, for messages
  bool is_object = false;
  std::string problem;

  bool null() override { return true; }
  bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return scalar(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return scalar(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return scalar(text); }
  bool binary(binary_t&) override { return true; }

  bool string(string_t& value) override {
    for (std::size_t i = 0; i < wanted_.size(); ++i)
      if (is_wanted(i)) found[i] = value;
    return true;
  }

  bool start_object(std::size_t) override {
    if (depth_ == 0) is_object = true;
    return begin();
  }
  bool start_array(std::size_t) override {
    ++arrays_;
    return begin();
  }
  bool end_object() override { return end(); }
  bool end_array() override {
    --arrays_;
    return end();
  }

  bool key(string_t& name) override {
    constexpr std::size_t kShown = 5;
    if (depth_ > kDeepest || arrays_ > 0) return true;
    path_.resize(begins_[depth_]);
    path_ += (path_.empty() ? "" : ".") + name;
    if (depth_ == 1 && keys.size() < kShown) keys.push_back(config::printable(name));
    return true;
  }

  bool parse_error(std::size_t at, const std::string&,
                   const nlohmann::detail::exception& error) override {
    const std::string what = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..."
    const std::size_t reason = what.find(": ");
    problem =
        fmt::format("broken JSON at byte {}{}", at, reason == what.npos ? "" : what.substr(reason));
    return false;
  }

 private:
  static constexpr std::size_t kDeepest = 8;

  bool is_wanted(std::size_t i) const {
    return depth_ > 0 && depth_ <= kDeepest && arrays_ == 0 && !wanted_[i].empty() &&
           path_ == wanted_[i];
  }
  // Numbers and booleans may name a domain.
  bool scalar(const std::string& text) {
    if (is_wanted(wanted_.size() - 1)) found.back() = text;
    return true;
  }
  bool begin() {
    ++depth_;
    if (depth_ <= kDeepest) begins_[depth_] = path_.size();
    return true;
  }
  bool end() {
    if (depth_ <= kDeepest) path_.resize(std::min(path_.size(), begins_[depth_]));
    --depth_;
    return true;
  }

  const std::vector<std::string>& wanted_;
  std::size_t depth_ = 0, arrays_ = 0;     // nesting of objects and arrays; of arrays alone
  std::size_t begins_[kDeepest + 1] = {};  // by depth: where an object's keys begin in path_
  std::string path_;                       // the enclosing keys, joined by dots
};

// Turns a text into the name of a domain: [A-Za-z0-9._-]{1,64}.
std::string name_of(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const std::string one(1, c);
    if (config::is_name("a" + one))
      name += c;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  }
  while (name.ends_with('_') || name.size() > 64) name.pop_back();
  return name;
}

std::string one_line(const std::string& text) { return config::printable(text, 200); }

}  // namespace

void each_record(const std::string& path, std::string_view contents,
                 const std::vector<JsonKey>& keys, const std::string& domain_field,
                 const std::function<void(const std::vector<std::string>& texts,
                                          const std::string& domain)>& take) {
  std::vector<std::string> wanted, texts(keys.size());
  for (const JsonKey& each : keys) wanted.push_back(each.key);
  wanted.push_back(domain_field);
  std::map<std::string, std::string> written;  // domain -> its spelling in the file
  std::size_t number = 0;
  const auto refuse = [&](const std::string& message) {
    fail(Exit::data, fmt::format("{}:{}: {}", path, number, message));
  };
  for (std::size_t at = 0; at < contents.size();) {
    const std::size_t end = std::min(contents.find('\n', at), contents.size());
    const std::string_view line = contents.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    TextsOfKeys document(wanted);
    const bool whole = nlohmann::json::sax_parse(line.begin(), line.end(), &document);
    if (!document.is_object)
      refuse("expected a JSON object on each line, found " +
             (document.problem.empty() ? "another value" : one_line(document.problem)) +
             "; jq -c '.[]' makes lines of an array");
    if (!whole) refuse("expected a JSON object on each line, found " + one_line(document.problem));
    const auto missing = [&](const char* option, const std::string& key) {
      refuse(fmt::format("expected a text under '{}' ({}), found none; keys are {}", one_line(key),
                         option, joined(document.keys)));
    };
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!document.found[i]) missing(keys[i].option, keys[i].key);
      texts[i] = std::move(*document.found[i]);
    }
    std::string domain;
    if (!domain_field.empty()) {
      if (!document.found.back()) missing("data.domain_field", domain_field);
      domain = name_of(*document.found.back());
      if (!config::is_name(domain))
        refuse(
            fmt::format("expected the name of a domain under '{}' (data.domain_field), found "
                        "'{}'",
                        one_line(domain_field), one_line(*document.found.back())));
      const auto [known, is_new] = written.emplace(domain, *document.found.back());
      if (known->second != *document.found.back())
        refuse(fmt::format("two domains are called {}: '{}' and '{}'", domain,
                           one_line(known->second), one_line(*document.found.back())));
      if (is_new && written.size() > kMostDomains)
        refuse(
            fmt::format("expected at most {} domains, found another, '{}'; is '{}' "
                        "(data.domain_field) the name of each document?",
                        kMostDomains, domain, one_line(domain_field)));
    }
    take(texts, domain);
  }
}

void each_document(
    const std::string& path, std::string_view contents, const std::string& field,
    const std::string& domain_field,
    const std::function<void(const std::string& text, const std::string& domain)>& take) {
  each_record(path, contents, {{field, "data.field"}}, domain_field,
              [&](const std::vector<std::string>& texts, const std::string& domain) {
                take(texts.front(), domain);
              });
}

}  // namespace moesim
