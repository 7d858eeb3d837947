#include "experiments/sweep/run_notes.hpp"

#include "sim/core/counted.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <variant>

namespace moesim {

void note_quantised(const std::string& made, Progress& progress) {
  if (made.starts_with("quantise"))
    progress.say(
        "note: training changes the rounded weights, which then no longer have the bits "
        "that moesim transform reported");
}

void note_unknown(const DatasetInfo& data, Progress& progress) {
  if (data.unknown_characters < 0.01) return;
  progress.say(fmt::format(
      "warning: {:.1f} % of the text is unknown to the tokenizer ({:.1f} % of the training tokens, "
      "{:.1f} % of those of validation): losses are lower than with a tokenizer that knows the "
      "text",
      100 * data.unknown_characters, 100 * data.unknown_train, 100 * data.unknown_validation));
}

std::string documents_text(const DocumentInfo& documents) {
  if (documents.documents == 0) return {};
  std::string text = counted(documents.documents, "document");
  if (documents.dropped > 0)
    text += fmt::format(" after {} {} dropped", counted(documents.dropped, "near-duplicate"),
                        documents.dropped == 1 ? "was" : "were");
  if (documents.chains > 0)
    text += fmt::format("; {}, {}", counted(documents.chains, "chain"),
                        counted(documents.chains - 1, "jump"));
  if (documents.similarity >= 0)
    text += fmt::format("; similarity of adjacent ones {:.3f}, in random order {:.3f}",
                        documents.similarity, documents.random_similarity);
  if (documents.window_similarity >= 0)
    text += fmt::format("; of pairs in a window {:.3f}, in random order {:.3f}",
                        documents.window_similarity, documents.random_window_similarity);
  if (documents.one_domain >= 0)
    text +=
        fmt::format("; {:.1f} % of training windows within one domain", 100 * documents.one_domain);
  return text;
}

std::string rank_text(const Adapters& adapters) {
  index smaller = 0;
  for (const auto& one : adapters.all())
    smaller = std::max(smaller, std::min(one->matrix().dim(-2), one->matrix().dim(-1)));
  const AdapterConfig& config = adapters.all().front()->config();
  if (!config.low_rank() || config.rank <= smaller) return "";
  return fmt::format(
      "adapter.rank = {} is above the smaller side of every adapted matrix, at most {}, which is "
      "the rank of any change",
      config.rank, smaller);
}

void note_guessing(const RunFile& file, index outputs, Progress& progress) {
  const Variable* losses = file.find("eval_loss");
  const double guessing = std::log(static_cast<double>(outputs));
  if (losses == nullptr || losses->values.empty() || !(losses->values.back() > guessing)) return;
  progress.say(fmt::format(
      "warning: the validation loss {:.4f} is above {:.4f} = log {}, that of guessing: nothing was "
      "learned",
      losses->values.back(), guessing, outputs));
}

void note_trace(const RunFile& file, Progress& progress) {
  const auto end = file.attributes().find("trace_end");
  const Variable* steps = file.find("trace_step");
  if (end == file.attributes().end() || steps == nullptr) return;
  if (steps->shape[0] == 0) {
    progress.say(fmt::format(
        "traced nothing: record.trace_bytes is too small for one step, step {}; raise it",
        std::get<std::int64_t>(end->second)));
    return;
  }
  progress.say(fmt::format(
      "traced {} steps; the trace ends before step {}, which would pass record.trace_bytes",
      steps->shape[0], std::get<std::int64_t>(end->second)));
}

}  // namespace moesim
