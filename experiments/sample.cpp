// moesim sample: text from a checkpoint.
#include "experiments/arguments.hpp"
#include "experiments/commands.hpp"
#include "experiments/experiment.hpp"
#include "experiments/process_limits.hpp"
#include "experiments/stored_run.hpp"
#include "experiments/text_stream.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/tokenizer.hpp"
#include "sim/nn/generate.hpp"
#include "sim/train/loading.hpp"

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

// Those of this run, the wanted ones first.
std::vector<CheckpointInfo> candidates(const std::string& folder, const StoredRun& run,
                                       const std::string& wanted) {
  std::vector<CheckpointInfo> all = checkpoint_infos(folder);
  const std::size_t found = all.size();
  std::erase_if(
      all, [&](const CheckpointInfo& info) { return info.config_sha256 != run.config_sha256; });
  if (all.empty())
    fail(Exit::data, folder + (found == 0 ? ": no checkpoint; train it first"
                                          : ": config.ini changed since it was trained"));
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

struct Loaded {
  CheckpointInfo info;
  Experiment e;
};

// The run's model with the values of the checkpoint. One of an older version holds nothing of its
// data: the data is read then.
Experiment build_for(const Checkpoint& checkpoint, const RunSpec& spec, int threads) {
  if (const auto data = data_of(checkpoint)) return build_stored(spec, threads, data);
  DataCache cache;
  Experiment e = build(spec, threads, cache);
  if (e.identity.data_sha256 != checkpoint.info.data_sha256)
    fail(Exit::data, checkpoint.path + ": the data changed since it was trained");
  return e;
}

void require_causal(const std::string& folder, const Experiment& e) {
  if (e.task->shape().vocabulary == 0 || !e.task->shape().causal)
    fail(Exit::usage, folder + ": only runs with task.name = causal_lm continue a text");
}

Loaded load_one(const std::string& folder, const std::string& wanted, int threads) {
  const StoredRun run = read_stored_run(folder);
  require_threads(threads);
  std::string problem;
  for (const CheckpointInfo& info : candidates(folder, run, wanted)) {
    try {
      const Checkpoint checkpoint = read_checkpoint(folder, info.step);
      Experiment e = build_for(checkpoint, run.spec, threads);
      require_causal(folder, e);
      e.trainer->start();
      load_checkpoint(checkpoint, *e.trainer);
      return {info, std::move(e)};
    } catch (const Error& error) {
      if (error.code() != Exit::data) throw;  // such as memory that ran out
      problem = error.what();
      std::cerr << "warning: " << problem << "; passed over\n";
    }
  }
  fail(Exit::data, folder + ": no checkpoint can be used; the last: " + problem);
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

// What stays as it is of the text, whatever token follows.
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
      "inference. RUN is the folder of a run of a causal task; where the data is no text, tokens "
      "are numbers: --prompt \"3 1 4\". Bytes that are no character are shown as U+FFFD.");
  arguments.value("prompt", "", "what the text begins with")
      .value("tokens", "200", "how many to add")
      .value("temperature", "1", "the logits are divided by it; 0: always the most likely token")
      .value("top-k", "0", "choose among this many most likely tokens; 0: all")
      .value("seed", "0", "of the choices")
      .value("checkpoint", "newest", "newest, best (the lowest validation loss) or a step",
             {{"newest", "best"}})
      .value("threads", "0", "0: as OMP_NUM_THREADS says, else all processors")
      .flag("json", "print one JSON document");
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
  const std::string folder = fs::path(arguments.rest().front()).lexically_normal().string();

  Loaded loaded = load_one(folder, arguments.text("checkpoint"),
                           chosen_threads(arguments.integer("threads", 0, kMostThreads)));
  const CheckpointInfo& info = loaded.info;
  Experiment& e = loaded.e;
  std::vector<std::int32_t> prompt = prompt_ids(e, arguments.text("prompt"));
  const std::size_t given = prompt.size();
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
                                           {"router", e.model->router_name()},
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
