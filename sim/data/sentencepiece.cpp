#include "sim/core/error.hpp"
#include "sim/data/tokenizer.hpp"

#ifdef MOESIM_SENTENCEPIECE
#include <sentencepiece_processor.h>

#include <algorithm>
#endif

namespace moesim {

#ifdef MOESIM_SENTENCEPIECE

namespace {

class SentencePieceTokenizer final : public Tokenizer {
 public:
  SentencePieceTokenizer(const std::string& path, const std::string& model) : model_(model) {
    const auto status = processor_.LoadFromSerializedProto(model);
    if (!status.ok() || processor_.GetPieceSize() < 1)
      fail(Exit::data, path + ": expected a SentencePiece model, found something else");
  }

  index vocabulary() const override { return processor_.GetPieceSize(); }
  std::string kind() const override { return "sentencepiece"; }
  std::string content() const override { return model_; }

  // Pieces that are bytes (byte fallback) become a character together with their neighbours.
  std::size_t settled(const std::vector<std::int32_t>& ids) const override {
    std::size_t count = ids.size();
    while (count > 0 && processor_.IsByte(ids[count - 1])) --count;
    return count;
  }

  void encode(std::string_view text, const std::function<void(std::int32_t)>& take) const override {
    std::vector<int> ids;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const auto status = processor_.Encode(text.substr(0, end), &ids);
      if (!status.ok()) fail(Exit::data, "SentencePiece: " + status.ToString());
      for (const int id : ids) take(id);
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
  std::string model_;
  sentencepiece::SentencePieceProcessor processor_;
};

}  // namespace

std::unique_ptr<Tokenizer> sentencepiece_tokenizer(const std::string& path,
                                                   const std::string& model) {
  return std::make_unique<SentencePieceTokenizer>(path, model);
}

#else

std::unique_ptr<Tokenizer> sentencepiece_tokenizer(const std::string&, const std::string&) {
  fail(Exit::usage,
       "this build has no SentencePiece: install libsentencepiece-dev and build again");
}

#endif

}  // namespace moesim
