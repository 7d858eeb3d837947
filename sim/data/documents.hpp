// Splits a text into documents: paragraphs, entries between separator lines, or pieces of equal
// size.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// DocumentRule says where documents end.
struct DocumentRule {
  enum class Kind {
    blank,  // at lines of white space only
    line,   // at lines that match `pattern`, a shell pattern
    lines,  // after `count` lines
    bytes,  // after `count` bytes, or up to three more inside a character of UTF-8
  };
  Kind kind = Kind::blank;
  std::string pattern = {};
  index count = 0;
};

// Reads "blank", "lines:N", "bytes:N" (N >= 20), or the pattern of a separator line. Throws (exit
// 2) for a number that is none.
DocumentRule document_rule(const std::string& text);

// Document is a stretch of a text and the separator behind it: `text` + `separator` of all
// documents, in order, are the text. The last one of a file may lack a separator there; it has
// the first one of the text.
struct Document {
  std::string_view text;
  std::string_view separator;
  std::int32_t domain = 0;
};

// Documents shorter than this many bytes are joined to the next one of their file, the last one
// to the one before.
inline constexpr std::size_t kShortestDocument = 20;

// The documents of `text`, which must outlive them; none of an empty text. files: ascending offsets inside
// the text where another file begins, and with it a document.
std::vector<Document> split_documents(std::string_view text, const DocumentRule& rule,
                                      std::int32_t domain,
                                      const std::vector<std::size_t>& files = {});

// Appends a document with its separator, on a new line of its own if the rule is about lines.
void append_document(std::string& text, const Document& document, const DocumentRule& rule);

}  // namespace moesim
