#include "analysis/traces/token_text.hpp"

#include "analysis/runs/read.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <optional>

namespace moesim {
namespace {

constexpr std::int64_t kMostTexts = 1 << 20;

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

}  // namespace

std::string escaped_token(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const config::CodePoint point = config::code_point(bytes);
    const bool control = point.code < 0x20 || point.code == 0x7f;
    if (point.broken || control)
      fmt::format_to(std::back_inserter(text), "\\x{:02x}", static_cast<unsigned char>(bytes[0]));
    else if (point.code == '\\')
      text += "\\\\";
    else
      text += bytes.substr(0, point.length);
    bytes.remove_prefix(point.length);
  }
  return text;
}

std::string unescaped_token(std::string_view escaped) {
  std::string bytes;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const std::string_view rest = escaped.substr(i);
    if (rest.starts_with("\\\\")) {
      bytes += '\\';
      ++i;
      continue;
    }
    if (rest.starts_with("\\x") && rest.size() >= 4)
      if (const auto high = hex_digit(rest[2]), low = hex_digit(rest[3]); high && low) {
        bytes += static_cast<char>(*high * 16 + *low);
        i += 3;
        continue;
      }
    bytes += rest[0];
  }
  return bytes;
}

std::map<std::int32_t, std::string> token_texts(const std::string& path) {
  RunReader reader;
  const Run run = read_run(
      path, reader,
      {.attributes = {"moesim_schema"},
       .last_rows = {{"trace_vocabulary", kMostTexts}, {"trace_vocabulary_text", kMostTexts}}});
  const Variable *ids = run.variable("trace_vocabulary", {"trace_vocabulary"}),
                 *texts = run.file.find("trace_vocabulary_text");
  std::map<std::int32_t, std::string> by_id;
  if (ids == nullptr || texts == nullptr) return by_id;
  if (ids->values.size() != texts->texts.size())
    fail(Exit::data, fmt::format("{}: {} trace_vocabulary_text for {} trace_vocabulary", path,
                                 texts->texts.size(), ids->values.size()));
  for (std::size_t i = 0; i < ids->values.size(); ++i)
    if (const double id = ids->values[i]; id >= 0 && id < 0x1p31)
      by_id[static_cast<std::int32_t>(id)] = unescaped_token(texts->texts[i]);
  return by_id;
}

}  // namespace moesim
