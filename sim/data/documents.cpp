#include "sim/data/documents.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fnmatch.h>

namespace moesim {
namespace {

using Kind = DocumentRule::Kind;

// Piece is a document before short ones are joined: its text and separator end at these offsets.
struct Piece {
  std::size_t text_end, end;
};

std::size_t end_of_line(std::string_view text, std::size_t at) {
  const std::size_t found = text.find('\n', at);
  return found == text.npos ? text.size() : found + 1;
}

bool is_separator(std::string_view line, const DocumentRule& rule) {
  if (rule.kind == Kind::blank) return line.find_first_not_of(" \t\r\n\f\v") == line.npos;
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return ::fnmatch(rule.pattern.c_str(), std::string(line).c_str(), 0) == 0;
}

// The piece that begins at `at`, which is inside the text.
Piece next_piece(std::string_view text, std::size_t at, const DocumentRule& rule) {
  const auto count = static_cast<std::size_t>(rule.count);
  if (rule.kind == Kind::bytes) {
    std::size_t end = at + std::min(count, text.size() - at);
    const auto is_inside = [&](std::size_t i) {
      return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
    };
    for (int i = 0; i < 3 && is_inside(end); ++i) ++end;
    return {end, end};
  }
  if (rule.kind == Kind::lines) {
    std::size_t end = at;
    for (std::size_t i = 0; i < count && end < text.size(); ++i) end = end_of_line(text, end);
    return {end, end};
  }
  while (at < text.size()) {
    std::size_t end = end_of_line(text, at);
    if (!is_separator(text.substr(at, end - at), rule)) {
      at = end;
      continue;
    }
    const std::size_t text_end = at;
    if (rule.kind == Kind::blank)  // all blank lines together separate two paragraphs
      for (std::size_t next = end; next < text.size(); end = next) {
        next = end_of_line(text, end);
        if (!is_separator(text.substr(end, next - end), rule)) break;
      }
    return {text_end, end};
  }
  return {text.size(), text.size()};
}

// Adds the documents of a file; separator: the first of the text, as far as it is known.
void add_file(std::string_view text, const DocumentRule& rule, std::int32_t domain,
              std::vector<Document>& documents, std::string_view& separator) {
  const std::size_t before = documents.size();
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Piece piece = next_piece(text, at, rule);
    at = piece.end;
    if (separator.empty()) separator = text.substr(piece.text_end, piece.end - piece.text_end);
    if (piece.text_end - begin < kShortestDocument) continue;
    documents.push_back({text.substr(begin, piece.text_end - begin),
                         text.substr(piece.text_end, piece.end - piece.text_end), domain});
    begin = piece.end;
  }
  if (begin == text.size()) return;
  const bool joins = documents.size() > before;
  const std::size_t first =
      joins ? static_cast<std::size_t>(documents.back().text.data() - text.data()) : 0;
  if (joins) documents.pop_back();
  documents.push_back({text.substr(first), {}, domain});
}

}  // namespace

DocumentRule document_rule(const std::string& text) {
  if (text == "blank") return {Kind::blank, {}, 0};
  for (const auto& [prefix, kind] :
       {std::pair{"lines:", Kind::lines}, std::pair{"bytes:", Kind::bytes}}) {
    if (!text.starts_with(prefix)) continue;
    constexpr index kMost = index{1} << 30;
    const index least = kind == Kind::bytes ? static_cast<index>(kShortestDocument) : 1;
    index count = 0;
    if (config::parse(std::string_view(text).substr(6), count) != std::errc{} || count < least ||
        count > kMost)
      fail(Exit::usage,
           fmt::format("a whole number from {} to {} is needed after {}", least, kMost, prefix));
    return {kind, {}, count};
  }
  return {Kind::line, text, 0};
}

std::vector<Document> split_documents(std::string_view text, const DocumentRule& rule,
                                      std::int32_t domain, const std::vector<std::size_t>& files) {
  std::vector<Document> documents;
  std::string_view separator;  // the first
  for (std::size_t i = 0; i <= files.size(); ++i) {
    const std::size_t begin = i == 0 ? 0 : files[i - 1];
    const std::size_t end = i == files.size() ? text.size() : files[i];
    add_file(text.substr(begin, end - begin), rule, domain, documents, separator);
  }
  for (Document& each : documents)
    if (each.separator.empty()) each.separator = separator;
  return documents;
}

void append_document(std::string& text, const Document& document, const DocumentRule& rule) {
  text += document.text;
  if (rule.kind != Kind::bytes && !text.ends_with('\n')) text += '\n';
  text += document.separator;
}

}  // namespace moesim
