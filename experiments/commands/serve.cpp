#include "experiments/commands/serve.hpp"

#include "analysis/statistics/difference.hpp"
#include "analysis/traces/expert_cache.hpp"
#include "experiments/commands/serve_tables.hpp"
#include "experiments/commands/task_names.hpp"
#include "experiments/sweep/loaded_run.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "sim/config/list.hpp"
#include "sim/core/error.hpp"
#include "sim/core/number.hpp"
#include "sim/model/serving.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>
#include <numeric>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

constexpr long kMostTexts = 1 << 16;

struct ServeRequest {
  std::vector<index> batches, cached;  // --batches, --experts-cached
  index texts = 0, prompt = 0, tokens = 0;
  index task = -1;  // number of the domain that prompts end in; -1: any
  Decoding how;
};

std::vector<index> integers(const Arguments& arguments, const char* name, long low, long high) {
  std::vector<index> all;
  const std::string text = arguments.text(name);
  if (text.empty()) return all;
  const config::Place place{"command line", std::string("--") + name, text};
  for (const std::string& item : config::parse_list(place, 100)) {
    long value = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), value);
    if (error != std::errc() || end != item.data() + item.size() || value < low || value > high)
      fail(Exit::usage, fmt::format("command line: --{} {}: give integers from {} to {}", name,
                                    item, low, high));
    if (std::find(all.begin(), all.end(), value) != all.end())
      fail(Exit::usage, fmt::format("command line: --{}: {} stands there twice", name, value));
    all.push_back(value);
  }
  return all;
}

ServeRequest request_of(const Arguments& arguments) {
  ServeRequest request;
  request.batches = integers(arguments, "batches", 1, kMostTexts);
  request.cached = integers(arguments, "experts-cached", 0, 1 << 20);
  if (request.batches.empty()) fail(Exit::usage, "command line: --batches: give at least one");
  request.texts = arguments.integer("texts", 0, kMostTexts);
  request.prompt = arguments.integer("prompt", 0, 1 << 24);
  request.tokens = arguments.integer("tokens", 0, 1 << 24);
  if (arguments.has("dropless")) request.how.rules = Rules::dropless;
  request.how.cached = !arguments.has("no-cache");
  if (request.texts == 0)
    request.texts = std::accumulate(request.batches.begin(), request.batches.end(), index{1},
                                    [](index a, index b) { return std::lcm(a, b); });
  if (request.texts > kMostTexts)
    fail(Exit::usage,
         fmt::format("command line: --batches {}: the least common multiple is over {} texts; "
                     "choose sizes that divide each other",
                     arguments.text("batches"), kMostTexts));
  for (const index b : request.batches)
    if (request.texts % b != 0)
      fail(Exit::usage,
           fmt::format("command line: --batches {}: does not divide {} texts; set --texts", b,
                       request.texts));
  return request;
}

// The defaults that depend on the run: half of the window is the prompt, the rest is generated; a
// quarter and half of the experts are cached.
void complete(ServeRequest& request, const Experiment& e) {
  const index window = e.task->shape().length;
  if (request.prompt == 0) request.prompt = std::max<index>(1, window / 2);
  if (request.prompt > window)
    fail(Exit::usage,
         fmt::format("command line: --prompt {}: the window of the model has {} tokens",
                     request.prompt, window));
  if (request.tokens == 0) request.tokens = window - request.prompt + 1;
  if (request.tokens < 2)
    fail(Exit::usage,
         fmt::format("command line: --tokens {}: a later token needs two or more", request.tokens));
  if (!request.cached.empty() || e.model->moe_blocks().empty()) return;
  const index experts = e.model->moe_layer(0).router().traits().experts;
  for (const index c : {experts / 4, experts / 2})
    if (c > 0 && c < experts) request.cached.push_back(c);
}

struct Prompts {
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<std::int32_t> domains;  // of their last tokens; empty if the data have none
};
Prompts prompts_of(const ServeRequest& request, const Experiment& e) {
  Prompts prompts;
  const index S = e.task->shape().length, rows = e.data->info().validation_rows;
  const auto missing = [&] { return static_cast<index>(prompts.ids.size()) < request.texts; };
  for (index step = 0; missing(); ++step) {  // a small split begins again
    if (step * request.texts > rows && prompts.ids.empty())
      fail(Exit::usage,
           fmt::format("command line: --task {}: no validation text has a prompt of {} tokens that "
                       "ends in it; choose another task, or --prompt",
                       e.data->info().domains[static_cast<std::size_t>(request.task)],
                       request.prompt));
    const Batch batch = e.data->batch(Split::validation, 0, step, request.texts);
    for (index b = 0; b < batch.batch && missing(); ++b) {
      const auto last = static_cast<std::size_t>(b * S + request.prompt - 1);
      if (request.task >= 0 && batch.domains.at(last) != request.task) continue;
      const auto from = batch.ids.begin() + b * S;
      prompts.ids.emplace_back(from, from + request.prompt);
      if (!batch.domains.empty()) prompts.domains.push_back(batch.domains[last]);
    }
  }
  return prompts;
}

Json quantiles_of(const std::vector<double>& seconds) {
  return {{"p50", 1e3 * quantile(seconds, 0.5)},
          {"p95", 1e3 * quantile(seconds, 0.95)},
          {"p99", 1e3 * quantile(seconds, 0.99)}};
}

double mean_touched(const std::vector<std::vector<std::int32_t>>& steps) {
  double sum = 0;
  for (const auto& step : steps) sum += static_cast<double>(step.size());
  return sum / static_cast<double>(steps.size());
}

Json batch_of(const Experiment& e, const ServeRequest& request, const Served& served, index b) {
  const Transformer& model = *e.model;
  const auto steps = static_cast<double>(served.later.size());
  const double seconds = std::accumulate(served.later.begin(), served.later.end(), 0.0);
  Json layers = Json::array(), caches = Json::array();
  double touched_of_all = 0;
  for (std::size_t i = 0; i < served.touched.size(); ++i) {
    const Traits& traits = model.moe_layer(i).router().traits();
    const auto E = static_cast<double>(traits.experts);
    const double touched = mean_touched(served.touched[i]);
    const double per_token = served.rows[i] / steps / static_cast<double>(b);
    touched_of_all += touched;
    // Choices of one new token of each text, and nothing else, have an expectation.
    const bool choices = served.whole_windows == 0 && traits.assigns;
    layers.push_back(
        {{"layer", model.moe_blocks()[i]},
         {"experts", traits.experts},
         {"rows_per_token", per_token},
         {"touched", touched},
         {"touched_expected",
          choices ? Json(expected_touched(E, per_token, static_cast<double>(b))) : Json()}});
  }
  for (const index c : request.cached) {
    CacheUse plain, ahead;
    const auto add = [](CacheUse& to, const CacheUse& use) {
      to.requests += use.requests, to.hits += use.hits;
    };
    for (const auto& steps_of_layer : served.touched) {
      add(plain, lru_use(steps_of_layer, static_cast<std::size_t>(c), false));
      add(ahead, lru_use(steps_of_layer, static_cast<std::size_t>(c), true));
    }
    caches.push_back({{"experts", c}, {"hit_rate", plain.rate()}, {"prefetched", ahead.rate()}});
  }
  return {{"batch", b},
          {"ttft_ms", quantiles_of(served.first)},
          {"tpot_ms", 1e3 * seconds / steps},
          {"token_ms", quantiles_of(served.later)},
          {"tokens_per_second", static_cast<double>(b) * steps / seconds},
          {"whole_windows", served.whole_windows},
          {"weight_bytes_per_token",
           weight_bytes(model, touched_of_all, static_cast<double>(b)) / static_cast<double>(b)},
          {"cache_bytes", served.cache_bytes},
          {"layers", layers},
          {"expert_caches", caches}};
}

void print(const Json& document) {
  std::cout << document["device"].get<std::string>() << "\n\n";
  const char* gap = "";
  for (const Table& table : serve_tables(document)) {
    if (table.rows.empty()) continue;
    std::cout << gap << render(table, TableFormat::text);
    gap = "\n";
  }
}

}  // namespace

void note_whole_windows(const Transformer& model, const std::string& reason) {
  const bool dropless = reason_for_whole_windows(model, Rules::dropless).empty();
  std::cerr << "note: every token takes a pass over the whole window: " << reason
            << (dropless ? "; with --dropless it does not" : "") << '\n';
}

void add_serve_arguments(Arguments& arguments) {
  arguments.group("Serving")
      .flag("serve", "time generation with the model of a run: bench --serve RUN")
      .value("batches", "1,4,16", "texts of a batch, as a list")
      .value("texts", "0", "texts that each size of a batch serves; 0: the least common multiple")
      .value("prompt", "0", "tokens of a prompt; 0: half of the window")
      .value("tokens", "0", "tokens generated for each text; 0: until the window is full")
      .value("task", "", "only prompts of this task, or other domain of the data; default: all")
      .value("experts-cached", "",
             "experts per layer of the cache that is simulated, as a list; default: a quarter "
             "and half")
      .value("checkpoint", "newest", "checkpoint: newest, best (lowest validation loss) or a step",
             {{"newest", "best"}})
      .flag("dropless", "experts take any number of rows: no capacity of evaluation")
      .flag("no-cache", "a pass over the whole window for every token");
}

void check_serve_arguments(const Arguments& arguments) {
  const bool serves = arguments.has("serve");
  const std::vector<const char*> of_steps = {"arm", "warmup", "steps"},
                                 of_serving = {"batches",    "texts",    "prompt",
                                               "task",       "tokens",   "experts-cached",
                                               "checkpoint", "dropless", "no-cache"};
  for (const char* name : serves ? of_steps : of_serving)
    if (arguments.given(name))
      fail(Exit::usage, fmt::format("command line: --{}: {}", name,
                                    serves ? "is of training steps; leave it out with --serve"
                                           : "needs --serve"));
}

int serve_bench(const Arguments& arguments) {
  arguments.require_rest("serve which run?");
  if (arguments.rest().size() > 1)
    fail(Exit::usage, "command line: one run at a time; " + arguments.rest()[1] + " is another");
  ServeRequest request = request_of(arguments);
  const std::string folder =
      std::filesystem::path(arguments.rest().front()).lexically_normal().string();
  LoadedRun loaded = load_run({folder, arguments.text("checkpoint")}, DataOf::run,
                              chosen_threads(arguments.integer("threads", 0, kMostThreads)),
                              [&](const Experiment& e) { require_causal(folder, e); });
  Experiment& e = loaded.e;
  complete(request, e);
  if (arguments.given("task")) request.task = task_number(arguments.text("task"), e.data->info());
  if (const std::string reason = reason_for_whole_windows(*e.model, request.how.rules);
      request.how.cached && !reason.empty())
    note_whole_windows(*e.model, reason);
  Prompts prompts = prompts_of(request, e);
  request.how.domains = std::move(prompts.domains);
  Json document = {{"run", folder},
                   {"router", e.model->config().router},
                   {"step", loaded.info.step},
                   {"device", e.backend->name() + ": " + e.backend->description()},
                   {"threads", e.backend->threads()},
                   {"texts", request.texts},
                   {"prompt", request.prompt},
                   {"tokens", request.tokens},
                   {"batches", Json::array()},
                   {"parameters", Json::object()},
                   {"bytes_per_parameter", number_bytes()}};
  for (const auto& [kind, values] : parameters_by_kind(*e.model))
    document["parameters"][kind] = values;
  for (const index b : request.batches) {
    const Served served = serve(*e.model, e.task->shape().length, *e.backend, prompts.ids,
                                {.texts = b, .tokens = request.tokens, .how = request.how});
    document["batches"].push_back(batch_of(e, request, served, b));
  }
  if (arguments.has("json"))
    std::cout << document.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  else
    print(document);
  return 0;
}

}  // namespace moesim
