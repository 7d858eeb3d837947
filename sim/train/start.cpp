#include "sim/train/start.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/moe/dense_width.hpp"
#include "sim/train/loading.hpp"
#include "sim/train/start_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace moesim {
namespace {

NamedShapes shapes_of(const std::vector<NamedTensor>& tensors) {
  NamedShapes shapes;
  for (const NamedTensor& own : tensors) shapes.emplace_back(own.name, own.value.shape());
  return shapes;
}

bool upcycles(const Start& start) { return start.method == Start::Method::upcycle; }

void explain_start(Options& init, const Start& start) {
  const Upcycling& how = start.upcycling;
  if (start.dense_steps > 0)
    init.explain(Topic::state,
                 fmt::format("the first {} steps train the same run with router.name = dense; its "
                             "weights are then the initial ones",
                             start.dense_steps));
  else
    init.explain(Topic::state, fmt::format("begins with the weights of checkpoint {} of {}",
                                           start.checkpoint, start.from));
  init.explain(Topic::state, start.copy_moments ? "the optimiser goes on with the moments there"
                                                : "the optimiser starts anew");
  if (start.go_on)
    init.explain(Topic::state,
                 "steps, batches and the learning rate go on from the step of that checkpoint");
  if (start.method == Start::Method::student || start.draw_missing)
    init.explain(Topic::state,
                 "parameters without a tensor of their name and shape there are drawn");
  if (start.method != Start::Method::upcycle) return;
  init.explain(Topic::state,
               "experts are made of its dense networks: expert e of width H / G has hidden units "
               "(e mod G) H/G, ...");
  const auto value = [&](const char* key) {
    return init.settings().effective(std::string("init.") + key);
  };
  init.explain(
      Topic::state,
      fmt::format("init.scale = {}, with γ the sum of a token's gates: {}", value("scale"),
                  how.scale == Upcycling::Scale::none
                      ? "the output is γ/G times that of the dense network"
                  : how.scale == Upcycling::Scale::even
                      ? "the weights of each of the f factors of the output times (G/γ)^(1/f)"
                      : "the last matrix times G/γ, its bias times 1/γ"));
  init.explain(Topic::state,
               fmt::format("its router: {}; noise {:g}; share of hidden units drawn again {:g}",
                           how.router == Upcycling::Router::normal
                               ? fmt::format("N(0, {:g}²)", how.deviation)
                               : value("router"),
                           how.noise, how.drop));
}

constexpr Named<Start::Method> kMethods[] = {{"same", Start::Method::same},
                                             {"student", Start::Method::student},
                                             {"upcycle", Start::Method::upcycle},
                                             {"adapter", Start::Method::adapter}};

// Rejects an option of another method, if it is set to something else than its default.
void require_of(Options& init, const Start& start, const char* key, bool fits, const char* method) {
  if (fits || !init.settings().is_resolved(std::string("init.") + key)) return;
  init.reject(key, fmt::format("is an option of init.method = {}, and init.method is {}; leave it "
                               "out",
                               method, name_of<Start::Method>(kMethods, start.method)));
}

// Reads init.at, a share of the steps. -> that many steps
index read_dense_steps(Options& init, const Start& start, index steps) {
  const double share =
      init.number("at", 0, {0, 1},
                  "share of run.steps that trains the run's dense arm, of which init.method = "
                  "upcycle then makes the experts, in place of a run in init.from; 0: none");
  init.keep_silent("at");
  if (share == 0) return 0;
  if (!start.from.empty()) init.reject("at", "init.from names another run; set one of the two");
  if (start.method != Start::Method::upcycle)
    init.reject("at", "makes experts of dense networks; set init.method = upcycle");
  const index first = std::llround(share * static_cast<double>(steps));
  if (first < 1 || first >= steps)
    init.reject("at", fmt::format("is {} of run.steps = {}; leave a step before and one after it",
                                  first, steps));
  if (init.settings().effective("init.checkpoint") != "newest")
    init.reject("checkpoint", "init.at takes the checkpoint of its own dense steps; leave it out");
  // Read here, the width of the dense steps is a part of the run's identity.
  Options dense(init.settings(), "router.dense");
  read_dense_width(dense);
  dense.keep_silent("width_factor");
  return first;
}

// Reads how a run goes on from another: its optimiser and its position.
void read_going_on(Options& init, Start& start) {
  start.copy_moments =
      init.choice("optimiser", "fresh", {"fresh", "copy"},
                  "moments and number of updates of the optimiser: none, or those of init.from, in "
                  "every copy of an upcycled expert alike") == "copy";
  start.go_on = init.choice("position", "start", {"start", "continue"},
                            "steps, batches and the learning rate begin at step 0, or at the step "
                            "of init.from; run.steps counts the steps there, too") == "continue";
  init.keep_silent("optimiser"), init.keep_silent("position");
  const bool goes_on = start.method == Start::Method::same || upcycles(start);
  require_of(init, start, "optimiser", goes_on, "same or upcycle");
  for (const char* key : {"optimiser", "position"})
    if (!start.any() && init.settings().is_resolved(std::string("init.") + key))
      init.reject(key, "needs another run; set init.from");
  if (start.copy_moments && start.upcycling.drop > 0)
    init.reject("optimiser", "units that init.drop draws again have no moments; set fresh");
  if (start.dense_steps > 0) start.go_on = true;
}

}  // namespace

Start read_start(Settings& settings, index steps) {
  Options init(settings, "init");
  Start start;
  start.from = init.text("from", "",
                         "folder of a run whose weights are the initial ones; empty: random "
                         "initialisation");
  start.checkpoint = read_checkpoint_choice(init, "checkpoint of that run: newest, best or a step");
  start.method =
      init.choice("method", Start::Method::same, kMethods,
                  "same: parameters of equal name and shape; student: the others are "
                  "drawn; upcycle: experts are copies or pieces of dense networks; adapter: "
                  "[adapter], or experts such as lora, adapt its matrices");
  init.keep_silent("method");
  start.dense_steps = read_dense_steps(init, start, steps);
  start.upcycling = Upcycling::read(init);
  if (start.method != Start::Method::same && !start.any())
    init.reject("method", "needs another run; set init.from");
  for (const char* key : Upcycling::kKeys) require_of(init, start, key, upcycles(start), "upcycle");
  read_going_on(init, start);
  start.draw_missing =
      init.choice("missing", "error", {"error", "draw"},
                  "parameters without a tensor of their name and shape there: error, or random") ==
      "draw";
  if (start.method == Start::Method::adapter && start.draw_missing)
    init.reject("missing", "init.method = adapter draws what adapters add, and nothing else");
  std::istringstream rules(
      init.text("rename", "", "prefixes of its names as old:new, separated by spaces"));
  for (std::string rule; rules >> rule;) {
    const std::size_t colon = rule.find(':');
    if (colon == 0 || colon == std::string::npos)
      init.reject("rename", "write old:new, not " + rule);
    start.renames.emplace_back(rule.substr(0, colon), rule.substr(colon + 1));
  }
  if (start.dense_steps > 0 && !start.renames.empty())
    init.reject("rename", "init.at: the dense steps have the names of this run; leave it out");
  if (start.any()) explain_start(init, start);
  return start;
}

Started Start::check(const std::vector<NamedTensor>& weights, const NamedShapes& state,
                     const Transformer& model, std::uint64_t seed) const {
  if (from.empty()) return {};
  const StartSource source = read_start_source(*this, shapes_of(weights), state, model, seed);
  Started begun;
  begun.step = source.step, begun.position = source.position, begun.updates = source.updates;
  return begun;
}

Started Start::load(const std::vector<NamedTensor>& weights, const std::vector<NamedTensor>& state,
                    const Transformer& model, std::uint64_t seed,
                    const std::function<std::vector<GateSum>()>& measure) const {
  if (from.empty()) return {};
  const StartSource source =
      read_start_source(*this, shapes_of(weights), shapes_of(state), model, seed);
  for (const NamedTensor& own : weights)
    if (source.taken.contains(own.name)) own.value.from_host(source.tensors.at(own.name).values);
  for (const NamedTensor& own : state)
    if (const auto at = source.moments.find(own.name); at != source.moments.end())
      own.value.from_host(at->second.values);
  Started done;
  done.step = source.step, done.weights_sha256 = source.weights_sha256;
  done.position = source.position, done.updates = source.updates;
  done.summary =
      fmt::format("begins with {} of {} tensors of step {} of {} (weights {})", source.taken.size(),
                  weights.size(), done.step, from, done.weights_sha256.substr(0, 16));
  if (copy_moments)
    done.summary += fmt::format("; takes its optimiser, of {} updates", done.updates);
  if (go_on) done.summary += fmt::format("; goes on at step {}", done.position.step);
  if (const std::size_t all = source.tensors.size();
      method == Method::same && all > source.taken.size())
    done.summary +=
        fmt::format("; {} of its {} tensors are not of this model", all - source.taken.size(), all);
  const std::vector<UpcycledLayer>& layers = source.layers;
  if (!source.drawn.empty()) {
    for (const GateSum& sum : measure()) done.dropped = std::max(done.dropped, sum.dropped);
    done.summary += "; adapters on its matrices are drawn";
  }
  if (layers.empty()) return done;
  const std::vector<double> sums = scale_experts(upcycling, layers, model, measure);
  for (const GateSum& sum : measure()) done.dropped = std::max(done.dropped, sum.dropped);
  done.summary += fmt::format(
      "; upcycled {} layers to {} copies of {} pieces; gates sum to {:.6g} in the first",
      layers.size(), layers.front().copies, layers.front().groups, sums.front());
  if (done.dropped > 0)
    done.summary += fmt::format(
        "; {:.3g} % of the tokens have dropped choices, so the output is not "
        "that of the dense model",
        100 * done.dropped);
  return done;
}

}  // namespace moesim
