// moesim sample: text from a checkpoint.
#include "experiments/arguments.hpp"
#include "experiments/commands.hpp"
#include "experiments/experiment.hpp"
#include "experiments/process_limits.hpp"
#include "experiments/resources.hpp"
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/config/reader.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/tokenizer.hpp"
#include "sim/nn/generate.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <unistd.h>

namespace moesim {
namespace {

namespace fs = std::filesystem;

// Writes a text as it grows. What could steer a terminal is shown as "\x1b" there; other readers
// get every byte.
class TextStream {
 public:
  TextStream() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

  // text: everything so far. last: nothing follows, so a character that is cut off is one byte
  // after the other.
  void show(const std::string& text, bool last) {
    while (shown_ < text.size()) {
      const CodePoint point = code_point(text, shown_);
      const auto lead = static_cast<unsigned char>(text[shown_]);
      if (point.bytes == 0 && !last && lead >= 0xc0 && text.size() - shown_ < 4) break;
      const auto bytes = static_cast<std::size_t>(std::max(1, point.bytes));
      const bool harmless = point.bytes > 1 ? point.value >= 0xa0 : lead >= 0x20 && lead < 0x7f;
      if (terminal_ && !harmless && lead != '\n' && lead != '\t')
        for (std::size_t i = 0; i < bytes; ++i)
          std::cout << fmt::format("\\x{:02x}", static_cast<unsigned char>(text[shown_ + i]));
      else
        std::cout << text.substr(shown_, bytes);
      shown_ += bytes;
    }
    std::cout << std::flush;
  }

 private:
  bool terminal_;
  std::size_t shown_ = 0;
};

Experiment build_run(const std::string& folder, int threads) {
  const std::string config = folder + "/config.ini";
  if (std::error_code error; !fs::exists(config, error))
    fail(Exit::data, folder + ": no run; name the folder of one, as moesim status lists them");
  require_threads(threads);
  DataCache data;
  Experiment e = build(expand(read_config(config), {}).front(), threads, data);
  if (e.task->shape().vocabulary == 0 || !e.task->shape().causal)
    fail(Exit::usage, folder + ": only runs with task.name = causal_lm continue a text");
  return e;
}

// Those of this run, the wanted ones first.
std::vector<CheckpointInfo> candidates(const std::string& folder, const Experiment& e,
                                       const std::string& wanted) {
  std::vector<CheckpointInfo> all = checkpoint_infos(folder);
  const std::size_t found = all.size();
  std::erase_if(all, [&](const CheckpointInfo& info) {
    return info.config_sha256 != e.identity.config_sha256 ||
           info.data_sha256 != e.identity.data_sha256;
  });
  if (all.empty())
    fail(Exit::data,
         folder + (found == 0 ? ": no checkpoint; train it first"
                              : ": the config or the data changed since it was trained"));
  std::reverse(all.begin(), all.end());
  if (wanted == "newest") return all;
  if (wanted == "best") {
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return a.loss < b.loss || (std::isnan(b.loss) && !std::isnan(a.loss));
    });
    return all;
  }
  std::vector<std::string> steps;
  for (const CheckpointInfo& info : all) steps.push_back(std::to_string(info.step));
  std::erase_if(all,
                [&](const CheckpointInfo& info) { return std::to_string(info.step) != wanted; });
  if (all.empty())
    fail(Exit::usage, "command line: --checkpoint " + config::printable(wanted) +
                          ": choose newest, best or one of the steps " + joined(steps));
  return all;
}

CheckpointInfo load_one(const std::string& folder, Experiment& e, const std::string& wanted) {
  std::string problem;
  for (const CheckpointInfo& info : candidates(folder, e, wanted)) {
    try {
      const Checkpoint checkpoint = read_checkpoint(folder, info.step);
      e.trainer->start();
      load_checkpoint(checkpoint, *e.trainer);
      return info;
    } catch (const Error& error) {
      if (error.code() != Exit::data) throw;  // such as memory that ran out
      problem = error.what();
      std::cerr << "warning: " << problem << '\n';
    }
  }
  fail(Exit::data, folder + ": every checkpoint is damaged");
}

std::vector<std::int32_t> prompt_ids(const Experiment& e, const std::string& text) {
  std::vector<std::int32_t> ids;
  try {
    ids = e.data->encode(text);
  } catch (const Error& error) {
    fail(Exit::usage, std::string("command line: --prompt: ") + error.what());
  }
  if (ids.empty()) fail(Exit::usage, "command line: --prompt: at least one token to begin with");
  return ids;
}

}  // namespace

int sample_command(const Words& words) {
  Arguments arguments(
      "sample RUN --prompt TEXT",
      "Continues TEXT with the model of a run, token by token, each router by its own rule of "
      "inference. RUN is the folder of a run of a causal task; where the data is no text, tokens "
      "are numbers: --prompt \"3 1 4\".");
  arguments.value("prompt", "", "what the text begins with")
      .value("tokens", "200", "how many to add")
      .value("temperature", "1", "the logits are divided by it; 0: always the most likely token")
      .value("top-k", "0", "choose among this many most likely tokens; 0: all")
      .value("seed", "0", "of the choices")
      .value("checkpoint", "newest", "newest, best (the lowest validation loss) or a step")
      .value("threads", "0", "0: as OMP_NUM_THREADS says, else all processors")
      .flag("json", "print one JSON document");
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("sample which run?");
  if (arguments.rest().size() > 1)
    fail(Exit::usage, "command line: one run at a time; " + arguments.rest()[1] + " is another");
  const long count = arguments.integer("tokens", 1, 1 << 24);
  const Choosing choosing{.temperature = arguments.number("temperature", 0, 1e6),
                          .top_k = arguments.integer("top-k", 0, 1 << 24),
                          .seed = static_cast<std::uint64_t>(
                              arguments.integer("seed", 0, std::numeric_limits<long>::max()))};
  const std::string folder = fs::path(arguments.rest().front()).lexically_normal().string();

  Experiment e = build_run(folder, chosen_threads(arguments.integer("threads", 0, kMostThreads)));
  std::vector<std::int32_t> prompt = prompt_ids(e, arguments.text("prompt"));
  const std::size_t given = prompt.size();
  const CheckpointInfo info = load_one(folder, e, arguments.text("checkpoint"));
  std::cerr << fmt::format("{}, step {}, {}\n", e.spec.label, info.step,
                           std::isnan(info.loss)
                               ? "not evaluated there"
                               : fmt::format("validation loss {:.4f}", info.loss));
  if (const Sees sees = e.model->moe_layer(0).router().sees(); sees != Sees::past)
    std::cerr << "warning: in training, this router saw "
              << (sees == Sees::batch ? "other sequences" : "later tokens")
              << ", which are not there now; expect worse than its loss\n";

  Generator generator(*e.model, e.task->shape().length, *e.backend, std::move(prompt), choosing);
  const bool json = arguments.has("json");
  TextStream stream;
  for (long i = 0; i < count; ++i) {
    generator.next();
    if (!json) stream.show(e.data->decode(generator.tokens()), i + 1 == count);
    if (!std::cout) break;
  }
  if (!json) {
    std::cout << '\n';
    return 0;
  }
  const std::vector<std::int32_t> added(
      generator.tokens().begin() + static_cast<std::ptrdiff_t>(given), generator.tokens().end());
  const nlohmann::ordered_json document = {{"run", folder},
                                           {"router", e.model->router_name()},
                                           {"step", info.step},
                                           {"prompt", arguments.text("prompt")},
                                           {"text", e.data->decode(generator.tokens())},
                                           {"tokens", added},
                                           {"temperature", choosing.temperature},
                                           {"top_k", choosing.top_k},
                                           {"seed", choosing.seed}};
  std::cout << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
            << '\n';
  return 0;
}

}  // namespace moesim
