#include "experiments/commands/transform_fewer.hpp"

#include "sim/backend/stand_in.hpp"
#include "sim/transform/calibration.hpp"
#include "sim/transform/merge.hpp"
#include "sim/transform/prune.hpp"

#include <cmath>
#include <limits>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

constexpr Named<Pruning::Score> kScores[] = {{"usage", Pruning::Score::usage},
                                             {"importance", Pruning::Score::importance},
                                             {"reap", Pruning::Score::reap},
                                             {"random", Pruning::Score::random}};

constexpr Named<ExpertMerge::Weights> kWeights[] = {{"usage", ExpertMerge::Weights::usage},
                                                    {"mean", ExpertMerge::Weights::mean}};
constexpr Named<ExpertMerge::Align> kAligns[] = {{"weights", ExpertMerge::Align::weights},
                                                 {"none", ExpertMerge::Align::none}};
constexpr Named<ExpertMerge::Similarity> kSimilarities[] = {
    {"router", ExpertMerge::Similarity::router}, {"weights", ExpertMerge::Similarity::weights}};
constexpr Named<ExpertMerge::Router> kRouters[] = {{"bind", ExpertMerge::Router::bind},
                                                   {"fold", ExpertMerge::Router::fold}};

// The number of experts, or groups, that a layer keeps.
index chosen_number(const Arguments& arguments, const std::string& option,
                    const std::string& question) {
  if (!arguments.given(option)) fail(Exit::usage, "command line: " + question);
  return arguments.integer(option, 1, 1 << 24);
}

// The source on training sequences of the new run's data.
Calibration calibration(const Experiment& source, const Experiment& made, index sequences) {
  return {.data = *made.data,
          .task = *made.task,
          .model = *source.model,
          .backend = *source.backend,
          .seed = made.run.seed,
          .sequences = sequences};
}

// The use of the source's experts in training sequences of the new run's data; 0 sequences: in an
// evaluation.
std::vector<LayerStatistics> expert_use(const Experiment& source, const Experiment& made,
                                        index sequences) {
  if (sequences > 0) return expert_use(calibration(source, made, sequences));
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

// The number of experts per layer that --threshold leaves: that of the layer with the most.
index number_above(double threshold, index sequences, const Transformation& what) {
  const std::string found = ask_source(
      what, "counts the use of experts", [&](const Experiment& source, const Experiment& made) {
        require_prunable(*source.model);
        const std::vector<LayerStatistics> use = expert_use(source, made, sequences);
        index most = 1;
        for (std::size_t i = 0; i < use.size(); ++i) {
          const double k = source.model->moe_layer(i).router().traits().cost.rows_per_token;
          most = std::max(
              most, living_experts(use[i].demand, threshold, static_cast<index>(std::ceil(k))));
        }
        return std::to_string(most);
      });
  index number = 0;
  config::parse(found, number);
  return number;
}

}  // namespace

void declare_fewer_experts(Arguments& arguments) {
  arguments.group("prune")
      .value("keep", "", "experts per layer to keep; or --threshold")
      .value("threshold", "",
             "BETA: removes from the n remaining experts of a layer those with at most BETA / n of "
             "its assignments, and repeats this until none is removed or a token needs all that "
             "remain "
             "(Chen et al. 2022); all layers keep as many as the one that keeps the most")
      .value(
          "score", "usage",
          "keep those with the most assignments before drops, with the largest sum of gates after "
          "drops (importance), with the largest mean of gate times norm of the output (reap), or "
          "random ones",
          Offer::one_of(all_names<Pruning::Score>(kScores)))
      .value("seed", "0", "seed of random scores");
  arguments.group("merge")
      .value("groups", "", "groups of experts per layer")
      .value("weights", "usage", "shares of a group's experts: of its assignments, or equal ones",
             Offer::one_of(all_names<ExpertMerge::Weights>(kWeights)))
      .value("align", "weights",
             "hidden units are permuted to match those of the group's most used expert, or not",
             Offer::one_of(all_names<ExpertMerge::Align>(kAligns)))
      .value("similarity", "router",
             "experts join the core with the most similar column of the router, or weights",
             Offer::one_of(all_names<ExpertMerge::Similarity>(kSimilarities)))
      .value(
          "router", "bind",
          "bind: the router keeps all experts, and those of a group have equal weights; fold: one "
          "expert and column per group, which changes routing",
          Offer::one_of(all_names<ExpertMerge::Router>(kRouters)));
}

TransformMethod prune_method(const Arguments& arguments, const Transformation& what, Json& report) {
  Pruning how{.score = arguments.chosen<Pruning::Score>("score", kScores)};
  const auto seed =
      static_cast<std::uint64_t>(arguments.integer("seed", 0, std::numeric_limits<long>::max()));
  if (arguments.given("seed") && how.score != Pruning::Score::random)
    fail(Exit::usage, "command line: --seed is an option of --score random");
  if (arguments.given("calibration") && how.score == Pruning::Score::random)
    fail(Exit::usage, "command line: --calibration has no effect with --score random");
  const index sequences = calibration_sequences(arguments, 0);
  std::string by = fmt::format("score={}", arguments.text("score"));
  if (how.score == Pruning::Score::random) by += fmt::format(" seed={}", seed);
  if (sequences > 0) by += fmt::format(" calibration={}", sequences);
  if (!arguments.given("threshold")) {
    how.keep =
        chosen_number(arguments, "keep",
                      "prune: how many experts of a layer stay? --keep N, or --threshold BETA");
  } else {
    if (arguments.given("keep"))
      fail(Exit::usage, "command line: --keep and --threshold: choose one of them");
    const double threshold = arguments.number("threshold", 0, 1);
    if (how.score != Pruning::Score::usage)
      fail(Exit::usage, "command line: --threshold is a bound on usage; leave out --score");
    how.keep = number_above(threshold, sequences, what);
    by += fmt::format(" threshold={}", config::shortest(threshold));
  }
  const bool by_threshold = arguments.given("threshold");
  const auto make = [how, seed, sequences, by_threshold, &report](Experiment& source,
                                                                  Experiment& made, RunFile&) {
    require_prunable(*source.model);
    require_at_most(how.keep, "keep", source);
    if (by_threshold && how.keep == source.model->config().experts)
      report["notes"] = {"--threshold removes no expert: a layer has none at or below it"};
    const std::vector<LayerStatistics> use = expert_use(source, made, sequences);
    std::vector<std::vector<double>> saliency;
    if (how.score == Pruning::Score::reap)
      saliency = sequences > 0 ? expert_saliency(calibration(source, made, sequences))
                               : expert_saliency(*source.model, *source.backend, *made.task,
                                                 made.trainer->evaluator());
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
  return {fmt::format("prune keep={} {}", how.keep, by),
          {{"moe.experts", std::to_string(how.keep)}},
          make};
}

TransformMethod merge_method(const Arguments& arguments, Json& report) {
  const ExpertMerge how{
      .groups =
          chosen_number(arguments, "groups", "merge: into how many groups per layer? --groups N"),
      .weights = arguments.chosen<ExpertMerge::Weights>("weights", kWeights),
      .align = arguments.chosen<ExpertMerge::Align>("align", kAligns),
      .similarity = arguments.chosen<ExpertMerge::Similarity>("similarity", kSimilarities),
      .router = arguments.chosen<ExpertMerge::Router>("router", kRouters)};
  const bool folds = how.router == ExpertMerge::Router::fold;
  const index sequences = calibration_sequences(arguments, 0);
  const auto make = [how, folds, sequences, &report](Experiment& source, Experiment& made,
                                                     RunFile&) {
    if (source.model->adapters() != nullptr)
      fail(Exit::usage,
           "command line: merge: the run has adapters; fold them first: moesim transform "
           "RUN fold");
    if (folds) require_prunable(*source.model);
    require_at_most(how.groups, "groups", source);
    const std::vector<LayerStatistics> use = expert_use(source, made, sequences);
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
  TransformMethod method{
      fmt::format("merge groups={} weights={} align={} similarity={} router={}{}", how.groups,
                  arguments.text("weights"), arguments.text("align"), arguments.text("similarity"),
                  arguments.text("router"),
                  sequences > 0 ? fmt::format(" calibration={}", sequences) : ""),
      {},
      make};
  if (folds) method.settings = {{"moe.experts", std::to_string(how.groups)}};
  return method;
}

}  // namespace moesim
