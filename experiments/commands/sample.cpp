// moesim sample: continues a text with the model of a checkpoint.
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/serve.hpp"
#include "experiments/commands/task_names.hpp"
#include "experiments/sweep/loaded_run.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/terminal/text_stream.hpp"
#include "sim/core/error.hpp"
#include "sim/data/tokenizer.hpp"
#include "sim/model/generate.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <unistd.h>

namespace moesim {
namespace {

namespace fs = std::filesystem;

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

// The part of the text that no following token can change.
std::string settled_text(const Dataset& data, const std::vector<std::int32_t>& ids) {
  const Tokenizer* const tokenizer = data.tokenizer();
  const std::size_t settled = tokenizer == nullptr ? ids.size() : tokenizer->settled(ids);
  return data.decode({ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(settled)});
}

}  // namespace

Arguments sample_arguments() {
  Arguments arguments(
      "sample RUN --prompt TEXT",
      "Continues TEXT with the model of a run, token by token, each router by its own rule of "
      "inference. RUN is the folder of a run of a causal task; if the data are not text, tokens "
      "are numbers: --prompt \"3 1 4\". Invalid UTF-8 is shown as U+FFFD.");
  arguments.value("prompt", "", "beginning of the text")
      .value("tokens", "200", "number of tokens to generate")
      .value("temperature", "1", "divisor of the logits; 0: always the most likely token")
      .value("top-k", "0", "sample from this many most likely tokens; 0: all")
      .value("seed", "0", "seed of the sampling")
      .value("checkpoint", "newest", "checkpoint: newest, best (lowest validation loss) or a step",
             {{"newest", "best"}})
      .value("threads", "0", "threads; 0: OMP_NUM_THREADS, otherwise all processors")
      .flag("dropless", "experts take any number of rows: no capacity of evaluation")
      .flag("no-cache",
            "a pass over the whole window for every token, without keys and values of "
            "earlier ones; the logits are the same but for rounding")
      .flag("json", "print one JSON document");
  add_task_argument(arguments);
  return arguments;
}

int sample_command(const Words& words) {
  Arguments arguments = sample_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("sample which run?");
  if (arguments.rest().size() > 1)
    fail(Exit::usage, "command line: one run at a time; " + arguments.rest()[1] + " is another");
  const long count = arguments.integer("tokens", 1, 1 << 24);
  const Choosing choosing{.temperature = arguments.number("temperature", 0, 1e6),
                          .top_k = arguments.integer("top-k", 0, 1 << 24),
                          .seed = static_cast<std::uint64_t>(
                              arguments.integer("seed", 0, std::numeric_limits<long>::max()))};
  Decoding how{.rules = arguments.has("dropless") ? Rules::dropless : Rules::own,
               .cached = !arguments.has("no-cache")};
  const std::string folder = fs::path(arguments.rest().front()).lexically_normal().string();

  LoadedRun loaded = load_run({folder, arguments.text("checkpoint")}, DataOf::checkpoint,
                              chosen_threads(arguments.integer("threads", 0, kMostThreads)),
                              [&](const Experiment& e) { require_causal(folder, e); });
  const CheckpointInfo& info = loaded.info;
  Experiment& e = loaded.e;
  how.domains = task_of_text(arguments, e);
  std::vector<std::int32_t> prompt = prompt_ids(e, arguments.text("prompt"));
  const std::size_t given = prompt.size();
  std::cerr << fmt::format("{}, step {}, {}\n", e.spec.label, info.step,
                           std::isnan(info.loss)
                               ? "not evaluated there"
                               : fmt::format("validation loss {:.4f}", info.loss));
  const Sees sees = e.model->moe_layer(0).router().traits().sees;
  if (sees.later_tokens || sees.other_sequences)
    std::cerr << "warning: in training, this router saw "
              << (sees.other_sequences ? "other sequences" : "later tokens")
              << ", which are not there now; expect worse than its loss\n";

  Generator generator(*e.model, e.task->shape().length, *e.backend, std::move(prompt), choosing,
                      how);
  if (how.cached && !generator.decoder().whole_windows().empty())
    note_whole_windows(*e.model, generator.decoder().whole_windows());
  const bool json = arguments.has("json");
  TextStream stream(std::cout, ::isatty(STDOUT_FILENO) == 1);
  for (long i = 0; i < count; ++i) {
    generator.next();
    const bool last = i + 1 == count;
    if (!json)
      stream.show(
          last ? e.data->decode(generator.tokens()) : settled_text(*e.data, generator.tokens()),
          last);
    if (!std::cout) break;
  }
  if (!json) {
    std::cout << '\n';
    return 0;
  }
  const std::vector<std::int32_t> added(
      generator.tokens().begin() + static_cast<std::ptrdiff_t>(given), generator.tokens().end());
  const nlohmann::ordered_json document = {{"run", folder},
                                           {"router", e.model->config().router},
                                           {"step", info.step},
                                           {"prompt", arguments.text("prompt")},
                                           {"text", valid_utf8(e.data->decode(generator.tokens()))},
                                           {"tokens", added},
                                           {"temperature", choosing.temperature},
                                           {"top_k", choosing.top_k},
                                           {"seed", choosing.seed}};
  std::cout << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
            << '\n';
  return 0;
}

}  // namespace moesim
