#include "sim/core/error.hpp"
#include "sim/data/foreign.hpp"
#include "sim/data/tokenizer.hpp"

#ifdef MOESIM_SENTENCEPIECE
#include <sentencepiece_processor.h>

#include <algorithm>
#endif

namespace moesim {

#ifdef MOESIM_SENTENCEPIECE

namespace {

constexpr const char* kSpaceMark = "\xe2\x96\x81";  // U+2581: a space within pieces

// Advice for a file that is not a model, by its format.
std::string other_format(const std::string& contents) {
  const std::string format = format_by_magic(contents);
  if (!format.empty()) return format;
  if (contents.starts_with('{')) return "JSON: name the .model file (tokenizer.json is no such)";
  return "something else: name the .model file";
}

class SentencePieceTokenizer final : public Tokenizer {
 public:
  SentencePieceTokenizer(const std::string& path, const std::string& model, std::size_t longest)
      : longest_(longest), model_(model) {
    const auto status = processor_.LoadFromSerializedProto(model);
    if (!status.ok() || processor_.GetPieceSize() < 1)
      fail(Exit::data, path + ": expected a SentencePiece model, found " + other_format(model));
    std::vector<std::string> pieces;
    if (processor_.Encode("a", &pieces).ok())
      for (const std::string& piece : pieces) marks_words_ |= piece.find(kSpaceMark) != piece.npos;
  }

  index vocabulary() const override { return processor_.GetPieceSize(); }
  std::int32_t unknown() const override { return processor_.unk_id(); }

  index characters(std::int32_t id) const override {
    if (processor_.IsUnknown(id) || processor_.IsControl(id)) return 0;
    std::string piece = processor_.IdToPiece(id);
    for (std::size_t at; (at = piece.find(kSpaceMark)) != piece.npos;) piece.replace(at, 3, " ");
    return character_count(piece);
  }

  std::string kind() const override { return "sentencepiece"; }
  std::string content() const override { return model_; }

  // Consecutive byte pieces (byte fallback) form one character.
  std::size_t settled(const std::vector<std::int32_t>& ids) const override {
    std::size_t count = ids.size();
    while (count > 0 && processor_.IsByte(ids[count - 1])) --count;
    return count;
  }

  void encode(std::string_view text, const std::function<void(std::int32_t)>& take) const override {
    std::vector<int> ids;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      for (bool last = false; !last;) {
        last = line.size() <= longest_;
        const std::size_t bytes = last ? line.size() : cut(line);
        const auto status = processor_.Encode(line.substr(0, bytes), &ids);
        if (!status.ok()) fail(Exit::data, "SentencePiece: " + status.ToString());
        for (const int id : ids) take(id);
        line.remove_prefix(bytes);
        if (!last && marks_words_ && line.starts_with(' ')) line.remove_prefix(1);
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  std::string decode(const std::vector<std::int32_t>& ids) const override {
    std::string text;
    const auto status = processor_.Decode(std::vector<int>(ids.begin(), ids.end()), &text);
    if (!status.ok()) fail(Exit::data, "SentencePiece: " + status.ToString());
    return text;
  }

 private:
  // Length of the next part of a line to encode: cut at a space, else at a character.
  std::size_t cut(std::string_view line) const {
    const std::size_t space = line.rfind(' ', longest_);
    if (space != line.npos && space > 0) return space;
    std::size_t bytes = longest_;
    while (bytes > 1 && (static_cast<unsigned char>(line[bytes]) & 0xC0) == 0x80) --bytes;
    return bytes;
  }

  std::size_t longest_;
  // The model adds a space mark in front of the first word, so a space at a cut is dropped.
  bool marks_words_ = false;
  std::string model_;
  sentencepiece::SentencePieceProcessor processor_;
};

}  // namespace

std::unique_ptr<Tokenizer> sentencepiece_tokenizer(const std::string& path,
                                                   const std::string& model, std::size_t longest) {
  return std::make_unique<SentencePieceTokenizer>(path, model, longest);
}

#else

std::unique_ptr<Tokenizer> sentencepiece_tokenizer(const std::string&, const std::string&,
                                                   std::size_t) {
  fail(Exit::usage,
       "this build has no SentencePiece: install libsentencepiece-dev and build again");
}

#endif

}  // namespace moesim
