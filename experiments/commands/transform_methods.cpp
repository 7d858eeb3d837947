#include "experiments/commands/transform_methods.hpp"

#include "experiments/commands/task_names.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/config/names.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/transform/extract.hpp"
#include "sim/transform/merge.hpp"
#include "sim/transform/prune.hpp"
#include "sim/transform/quantise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

constexpr Named<Pruning::Score> kScores[] = {{"usage", Pruning::Score::usage},
                                             {"importance", Pruning::Score::importance},
                                             {"reap", Pruning::Score::reap},
                                             {"random", Pruning::Score::random}};

constexpr Named<Quantisation::Method> kMethods[] = {{"rtn", Quantisation::Method::rtn},
                                                    {"gptq", Quantisation::Method::gptq}};

constexpr Named<ExpertMerge::Weights> kWeights[] = {{"usage", ExpertMerge::Weights::usage},
                                                    {"mean", ExpertMerge::Weights::mean}};
constexpr Named<ExpertMerge::Align> kAligns[] = {{"weights", ExpertMerge::Align::weights},
                                                 {"none", ExpertMerge::Align::none}};
constexpr Named<ExpertMerge::Similarity> kSimilarities[] = {
    {"router", ExpertMerge::Similarity::router}, {"weights", ExpertMerge::Similarity::weights}};
constexpr Named<ExpertMerge::Router> kRouters[] = {{"bind", ExpertMerge::Router::bind},
                                                   {"fold", ExpertMerge::Router::fold}};

// An option with a table of names.
template <class E>
E chosen(const Arguments& arguments, const std::string& option, Names<E> names) {
  const std::string value = arguments.text(option);
  const std::vector<std::string> all = all_names<E>(names);
  if (std::find(all.begin(), all.end(), value) == all.end())
    fail(Exit::usage, fmt::format("command line: --{} {}: choose one of {}", option,
                                  config::printable(value), joined(all)));
  return value_of<E>(names, value);
}

// The number of experts, or groups, that a layer keeps.
index chosen_number(const Arguments& arguments, const std::string& option,
                    const std::string& question) {
  if (!arguments.given(option)) fail(Exit::usage, "command line: " + question);
  return arguments.integer(option, 1, 1 << 24);
}

// The use of the source's experts in an evaluation of the new run's data.
std::vector<LayerStatistics> expert_use(const Experiment& source, const Experiment& made) {
  Settings settings = made.spec.settings;
  const Evaluator evaluator(settings, *made.data, *made.task, *source.model, *source.backend,
                            made.run.seed);
  return evaluator.run(0, [] { return false; })->layers;
}

void require_at_most(index number, const std::string& option, const Experiment& source) {
  for (std::size_t i = 0; i < source.model->moe_blocks().size(); ++i)
    if (const index experts = source.model->moe_layer(i).expert().experts(); number > experts)
      fail(Exit::usage, fmt::format("command line: --{} {}: the run has {} experts per layer",
                                    option, number, experts));
}

// The axes of experts, by comparison with the source's settings and one more expert; where these are
// refused, with twice as many.
ExpertAxes axes_of(const Experiment& source) {
  const index experts = source.model->config().experts;
  const auto with = [&](index more) {
    RunSpec spec = source.spec;
    spec.settings.set("moe.experts", std::to_string(more), "moesim transform");
    DataCache cache;
    const Experiment wider = build(std::move(spec), 1, cache, stand_in);
    return expert_axes(source.trainer->weights(), wider.trainer->weights(), experts, more);
  };
  try {
    return with(experts + 1);
  } catch (const Error&) {
    return with(2 * experts);
  }
}

TransformMethod prune_method(const Arguments& arguments, Json& report) {
  const Pruning how{.score = chosen<Pruning::Score>(arguments, "score", kScores),
                    .keep = chosen_number(arguments, "keep",
                                          "prune: how many experts of a layer stay? --keep N")};
  const auto seed =
      static_cast<std::uint64_t>(arguments.integer("seed", 0, std::numeric_limits<long>::max()));
  if (arguments.given("seed") && how.score != Pruning::Score::random)
    fail(Exit::usage, "command line: --seed is an option of --score random");
  const auto make = [how, seed, &report](Experiment& source, Experiment& made, RunFile&) {
    require_prunable(*source.model);
    require_at_most(how.keep, "keep", source);
    const std::vector<LayerStatistics> use = expert_use(source, made);
    std::vector<std::vector<double>> saliency;
    if (how.score == Pruning::Score::reap)
      saliency =
          expert_saliency(*source.model, *source.backend, *made.task, made.trainer->evaluator());
    const auto kept = kept_experts(how, use, seed, saliency);
    report["kept"] = kept;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      double demand = 0;
      for (const index e : kept[i]) demand += use[i].demand[static_cast<std::size_t>(e)];
      report["kept_usage"].push_back(demand / std::max(use[i].assignments, 1.0));
    }
    return prune_experts(host_tensors(source.trainer->weights()), *source.model, kept,
                         axes_of(source));
  };
  return {fmt::format("prune keep={} score={}{}", how.keep, arguments.text("score"),
                      how.score == Pruning::Score::random ? fmt::format(" seed={}", seed) : ""),
          {{"moe.experts", std::to_string(how.keep)}},
          make};
}

TransformMethod merge_method(const Arguments& arguments, Json& report) {
  const ExpertMerge how{
      .groups =
          chosen_number(arguments, "groups", "merge: into how many groups per layer? --groups N"),
      .weights = chosen<ExpertMerge::Weights>(arguments, "weights", kWeights),
      .align = chosen<ExpertMerge::Align>(arguments, "align", kAligns),
      .similarity = chosen<ExpertMerge::Similarity>(arguments, "similarity", kSimilarities),
      .router = chosen<ExpertMerge::Router>(arguments, "router", kRouters)};
  const bool folds = how.router == ExpertMerge::Router::fold;
  const auto make = [how, folds, &report](Experiment& source, Experiment& made, RunFile&) {
    if (folds) require_prunable(*source.model);
    require_at_most(how.groups, "groups", source);
    const std::vector<LayerStatistics> use = expert_use(source, made);
    HostTensors tensors = host_tensors(source.trainer->weights());
    const bool by_router = how.similarity == ExpertMerge::Similarity::router;
    const ExpertAxes axes = folds || by_router ? axes_of(source) : ExpertAxes();
    std::vector<std::vector<MergeGroup>> layers;
    std::vector<std::vector<index>> cores;
    for (std::size_t i = 0; i < use.size(); ++i) {
      layers.push_back(merge_groups(
          how, use[i], expert_similarity(how.similarity, tensors, *source.model, i, axes)));
      cores.emplace_back();
      report["groups"].push_back(Json::array());
      for (const MergeGroup& group : layers.back()) {
        cores.back().push_back(group.core);
        report["groups"].back().push_back(group.members);
      }
    }
    merge_experts(how, layers, *source.model, tensors);
    if (!folds) return tensors;
    fold_routers(layers, *source.model, axes, tensors);
    return prune_experts(tensors, *source.model, cores, axes);
  };
  TransformMethod method{fmt::format("merge groups={} weights={} align={} similarity={} router={}",
                                     how.groups, arguments.text("weights"), arguments.text("align"),
                                     arguments.text("similarity"), arguments.text("router")),
                         {},
                         make};
  if (folds) method.settings = {{"moe.experts", std::to_string(how.groups)}};
  return method;
}

TransformMethod quantise_method(const Arguments& arguments, Json& report) {
  if (!arguments.given("bits"))
    fail(Exit::usage, "command line: quantise: to how many bits? --bits 8, 4, 3, 2 or ternary");
  const bool ternary = arguments.text("bits") == "ternary";
  const Quantisation how{.method = chosen<Quantisation::Method>(arguments, "method", kMethods),
                         .bits = ternary ? 0 : static_cast<int>(arguments.integer("bits", 1, 16)),
                         .group = arguments.integer("group", 0, 1 << 24)};
  const bool calibrates = how.method == Quantisation::Method::gptq;
  if (arguments.given("calibration") && !calibrates)
    fail(Exit::usage, "command line: --calibration is an option of --method gptq");
  const index sequences = arguments.integer("calibration", 1, 1 << 20);
  const auto make = [how, sequences, &report](Experiment& source, Experiment& made, RunFile& file) {
    HostTensors tensors = host_tensors(source.trainer->weights());
    const auto calibrate = [&](const HostTensors& now, const std::vector<std::string>& matrices) {
      give(now, made.trainer->weights());
      return input_grams({.data = *made.data,
                          .task = *made.task,
                          .model = *made.model,
                          .backend = *made.backend,
                          .seed = made.run.seed,
                          .sequences = sequences},
                         made.trainer->weights(), matrices);
    };
    const QuantisedSize size = quantise_experts(how, tensors, *source.model, calibrate);
    report["bits"] = size.bits, report["entropy"] = size.entropy;
    report["bytes_before"] = size.bytes_before, report["bytes_after"] = size.bytes_after;
    file.attribute("transform_bits", size.bits);
    file.attribute("transform_entropy", size.entropy);
    file.attribute("transform_bytes_before", size.bytes_before);
    file.attribute("transform_bytes_after", size.bytes_after);
    return tensors;
  };
  return {fmt::format("quantise bits={}{}{}", arguments.text("bits"),
                      how.group > 0 ? fmt::format(" group={}", how.group) : "",
                      calibrates ? fmt::format(" method=gptq calibration={}", sequences) : ""),
          {},
          make};
}

TransformMethod extract_method(const Arguments& arguments, Json& report) {
  const std::string task = arguments.text("task");
  if (task.empty())
    fail(Exit::usage, "command line: extract: the network of which task? --task NAME");
  const auto settings_of = [task](const Experiment& source) {
    require_extractable(*source.model);
    task_number(task, source.data->info());
    std::vector<std::pair<std::string, std::string>> settings = {
        {"router.name", "dense"},
        {"router.dense.width_factor",
         fmt::format("{}", source.model->moe_layer(0).router().traits().cost.rows_per_token)},
        {"moe.match", "none"},
        {"expert.hidden", std::to_string(source.model->expert_hidden())}};
    if (source.data->info().pairs) settings.emplace_back("data.evaluated", task);
    return settings;
  };
  const auto make = [task, &report](Experiment& source, Experiment& made, RunFile&) {
    const ModelInput input =
        made.task->prepare(made.trainer->evaluator().posed(0), *source.backend).input;
    const std::vector<TaskExperts> layers =
        experts_of_task(*source.model, input, task_number(task, made.data->info()));
    for (const TaskExperts& layer : layers) {
      report["experts"].push_back(layer.experts);
      report["gates"].push_back(layer.gates);
    }
    return extract_task(host_tensors(source.trainer->weights()), *source.model, layers);
  };
  return {"extract task=" + task, {}, make, settings_of, task};
}

// Options of one method are an error with another.
void require_options_of(const Arguments& arguments, const std::string& method) {
  for (const auto& [option, owner] : {std::pair("keep", "prune"),
                                      {"score", "prune"},
                                      {"seed", "prune"},
                                      {"bits", "quantise"},
                                      {"group", "quantise"},
                                      {"method", "quantise"},
                                      {"calibration", "quantise"},
                                      {"groups", "merge"},
                                      {"weights", "merge"},
                                      {"align", "merge"},
                                      {"similarity", "merge"},
                                      {"router", "merge"},
                                      {"task", "extract"}})
    if (arguments.given(option) && method != owner)
      fail(Exit::usage,
           fmt::format("command line: --{} is an option of {}, not of {}", option, owner, method));
}

}  // namespace

void declare_transform_methods(Arguments& arguments) {
  arguments.group("extract").value(
      "task", "", "the task whose experts become a dense model: a domain of the data");
  arguments.group("prune")
      .value("keep", "", "experts per layer to keep")
      .value(
          "score", "usage",
          "keep those with the most assignments before drops, with the largest sum of gates after "
          "drops (importance), with the largest mean of gate times norm of the output (reap), or "
          "random ones",
          {all_names<Pruning::Score>(kScores)})
      .value("seed", "0", "seed of random scores");
  arguments.group("merge")
      .value("groups", "", "groups of experts per layer")
      .value("weights", "usage", "shares of a group's experts: of its assignments, or equal ones",
             {all_names<ExpertMerge::Weights>(kWeights)})
      .value("align", "weights",
             "hidden units are permuted to match those of the group's most used expert, or not",
             {all_names<ExpertMerge::Align>(kAligns)})
      .value("similarity", "router",
             "experts join the core with the most similar column of the router, or weights",
             {all_names<ExpertMerge::Similarity>(kSimilarities)})
      .value(
          "router", "bind",
          "bind: the router keeps all experts, and those of a group have equal weights; fold: one "
          "expert and column per group, which changes routing",
          {all_names<ExpertMerge::Router>(kRouters)});
  arguments.group("quantise")
      .value("bits", "", "bits per weight from 1 to 16, or ternary",
             {{"8", "4", "3", "2", "ternary"}})
      .value("group", "0", "weights that share a grid; 0: all into one output unit")
      .value("method", "rtn",
             "rtn: each weight to the nearest value; gptq: later weights correct what earlier ones "
             "changed, by the inputs of each expert in training sequences (Frantar et al. 2023)",
             {all_names<Quantisation::Method>(kMethods)})
      .value("calibration", "128", "training sequences of gptq");
}

TransformMethod transform_method(const std::string& name, const Arguments& arguments,
                                 Json& report) {
  if (name != "prune" && name != "merge" && name != "quantise" && name != "extract")
    fail(Exit::usage,
         fmt::format("command line: transform RUN what{}? choose prune, merge, quantise or extract",
                     name.empty() ? "" : ", not " + config::printable(name)));
  require_options_of(arguments, name);
  if (name == "prune") return prune_method(arguments, report);
  if (name == "extract") return extract_method(arguments, report);
  return name == "merge" ? merge_method(arguments, report) : quantise_method(arguments, report);
}

}  // namespace moesim
