#include "experiments/import/arrays.hpp"
#include "experiments/import/foreign_trace.hpp"
#include "experiments/import/gate_rule.hpp"
#include "sim/core/error.hpp"
#include "sim/data/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace moesim {
namespace {

// No model is known to have more MoE layers; an array with more of them than of tokens has its axes
// in another order.
constexpr index kManyLayers = 256;

// The arrays of a trace, of equal tokens and layers.
struct TraceArrays {
  ArrayFiles files;
  const ForeignArray *experts = nullptr, *logits = nullptr, *gates = nullptr, *ids = nullptr;
  GateRule rule;
  index k = 0, number = 0;  // number of experts
};

const std::vector<std::string>& array_names() {
  static const std::vector<std::string> names = {"experts", "logits", "gates", "token_ids"};
  return names;
}

void require_shape(const ForeignArray& array, const std::vector<index>& like,
                   const std::string& as) {
  if (array.shape != like)
    fail(Exit::data, fmt::format("{}: expected {}, as {}, found {}", array.where, shape_text(like),
                                 as, shape_text(array.shape)));
}

void require_axes(const ForeignArray& array, const char* axes) {
  const std::string remedy = array.shape.size() == 2
                                 ? "; one layer is array[:, None, :], one choice array[:, :, None]"
                                 : "";
  if (array.shape.size() != 3)
    fail(Exit::data, fmt::format("{}: expected {}, found {}{}", array.where, axes,
                                 shape_text(array.shape), remedy));
  if (array.shape[1] > kManyLayers && array.shape[0] < array.shape[1])
    fail(
        Exit::data,
        fmt::format("{}: expected {}, found {} layers of {} tokens in {}, which are more likely {} "
                    "tokens in {} layers; write array.transpose(1, 0, 2), contiguous",
                    array.where, axes, array.shape[1], array.shape[0], shape_text(array.shape),
                    array.shape[1], array.shape[0]));
  if (array.shape[0] > kMostForeignTokens || array.shape[1] > kMostForeignLayers ||
      array.shape[2] > kMostForeignExperts)
    fail(Exit::data, fmt::format("{}: expected at most {} tokens, {} layers and {} experts, found "
                                 "{}",
                                 array.where, kMostForeignTokens, kMostForeignLayers,
                                 kMostForeignExperts, shape_text(array.shape)));
}

void require_kind(const ForeignArray& array, bool integers) {
  if (array.type->is_integer() != integers)
    fail(Exit::data,
         fmt::format("{}: expected {}, found {}", array.where,
                     integers ? "integers" : "floating-point numbers", array.type->name));
}

// The number in an array that a message names.
std::string place_text(index token, std::int64_t layer, index choice) {
  return fmt::format("token {}, layer {}, choice {}", token, layer, choice);
}

std::vector<std::int32_t> experts_of(const ForeignArray& array, index layer, index most) {
  const index tokens = array.shape[0], k = array.shape[2];
  std::vector<std::int32_t> expert;
  expert.reserve(static_cast<std::size_t>(tokens * k));
  with_numbers(array.type->kind, [&](const auto& get) {
    for (index t = 0; t < tokens; ++t)
      for (index c = 0; c < k; ++c) {
        const auto e = static_cast<std::int64_t>(get(array.bytes.data(), array.at(t, layer, c)));
        if (e < 0 || e >= most)
          fail(Exit::data, fmt::format("{}: {}: expected an expert from 0 to {}, found {}",
                                       array.where, place_text(t, layer, c), most - 1, e));
        expert.push_back(static_cast<std::int32_t>(e));
      }
  });
  return expert;
}

std::vector<float> gates_of(const ForeignArray& array, index layer) {
  const index tokens = array.shape[0], k = array.shape[2];
  std::vector<float> gate;
  gate.reserve(static_cast<std::size_t>(tokens * k));
  with_numbers(array.type->kind, [&](const auto& get) {
    for (index t = 0; t < tokens; ++t)
      for (index c = 0; c < k; ++c) {
        const auto g = static_cast<double>(get(array.bytes.data(), array.at(t, layer, c)));
        if (!(g >= 0 && g <= kMostForeignGate))
          fail(Exit::data, fmt::format("{}: {}: expected a gate from 0 to {}, found {}",
                                       array.where, place_text(t, layer, c), kMostForeignGate, g));
        gate.push_back(static_cast<float>(g));
      }
  });
  return gate;
}

// The choices by the rule, or the gates of the choices that are there.
void apply_rule(const TraceArrays& arrays, index layer, ForeignChoices& choices) {
  const ForeignArray& logits = *arrays.logits;
  const index tokens = logits.shape[0], experts = logits.shape[2], k = arrays.k;
  const bool chosen = !choices.expert.empty();
  std::vector<double> row(static_cast<std::size_t>(experts));
  std::vector<std::int32_t> of_token;
  choices.expert.reserve(static_cast<std::size_t>(tokens * k));
  choices.gate.reserve(static_cast<std::size_t>(tokens * k));
  with_numbers(logits.type->kind, [&](const auto& get) {
    for (index t = 0; t < tokens; ++t) {
      for (index e = 0; e < experts; ++e) {
        const auto logit = static_cast<double>(get(logits.bytes.data(), logits.at(t, layer, e)));
        const bool masked = std::isinf(logit) && logit < 0;
        if (!(std::abs(logit) <= kMostForeignGate) && !masked)
          fail(Exit::data, fmt::format("{}: token {}, layer {}, expert {}: expected a finite "
                                       "number, or -inf for a masked expert, found {}",
                                       logits.where, t, layer, e, logit));
        row[static_cast<std::size_t>(e)] = logit;
      }
      if (chosen) {
        const auto from = choices.expert.begin() + t * k;
        of_token.assign(from, from + k);
      } else {
        of_token = largest(row, k);
        choices.expert.insert(choices.expert.end(), of_token.begin(), of_token.end());
      }
      for (const std::int32_t e : of_token)
        if (std::isinf(row[static_cast<std::size_t>(e)]))
          fail(Exit::data,
               fmt::format("{}: token {}, layer {}: {} experts are chosen, and the logit of expert "
                           "{} is -inf",
                           logits.where, t, layer, k, e));
      for (const double gate : gates_by(arrays.rule.name, row, of_token))
        choices.gate.push_back(static_cast<float>(gate));
    }
  });
}

ForeignChoices choices_of(const TraceArrays& arrays, index layer) {
  ForeignChoices choices;
  if (arrays.experts != nullptr) {
    choices.expert = experts_of(*arrays.experts, layer, arrays.number);
    check_choices(fmt::format("{}: layer {}", arrays.experts->where, layer), choices.expert,
                  arrays.k, arrays.number);
  }
  if (arrays.gates != nullptr)
    choices.gate = gates_of(*arrays.gates, layer);
  else if (arrays.logits != nullptr && !arrays.rule.name.empty())
    apply_rule(arrays, layer, choices);
  return choices;
}

std::vector<std::int32_t> ids_in(const ForeignArray& array) {
  std::vector<std::int32_t> ids;
  ids.reserve(static_cast<std::size_t>(array.shape[0]));
  with_numbers(array.type->kind, [&](const auto& get) {
    for (index t = 0; t < array.shape[0]; ++t) {
      const auto id =
          static_cast<std::int64_t>(get(array.bytes.data(), static_cast<std::size_t>(t)));
      if (id < 0 || id > INT32_MAX)
        fail(Exit::data, fmt::format("{}: token {}: expected an id from 0 to {}, found {}",
                                     array.where, t, INT32_MAX, id));
      ids.push_back(static_cast<std::int32_t>(id));
    }
  });
  return ids;
}

// One more than the largest expert; experts_of() reports others than 0 .. kMostForeignExperts - 1.
index guessed_experts(const ForeignArray& experts) {
  std::int32_t most = 0;
  for (index layer = 0; layer < experts.shape[1]; ++layer)
    for (const std::int32_t e : experts_of(experts, layer, kMostForeignExperts))
      most = std::max(most, e);
  return most + 1;
}

void check_shapes(TraceArrays& arrays) {
  const ForeignArray *experts = arrays.experts, *logits = arrays.logits;
  if (experts != nullptr)
    require_kind(*experts, true), require_axes(*experts, "[tokens, layers, k]");
  if (logits != nullptr) require_kind(*logits, false), require_axes(*logits, "[tokens, layers, E]");
  if (experts != nullptr && logits != nullptr)
    require_shape(*logits, {experts->shape[0], experts->shape[1], logits->shape[2]}, "experts");
  if (arrays.gates != nullptr) {
    require_kind(*arrays.gates, false);
    if (experts == nullptr)
      fail(Exit::data, arrays.gates->where + ": gates without experts say nothing; add experts");
    require_shape(*arrays.gates, experts->shape, "experts");
  }
  if (arrays.ids != nullptr) {
    require_kind(*arrays.ids, true);
    require_shape(*arrays.ids, {(experts != nullptr ? experts : logits)->shape[0]}, "tokens");
  }
}

// Says what is missing to make choices and gates.
void check_rule(TraceArrays& arrays, const std::string& path) {
  if (arrays.experts == nullptr && arrays.logits == nullptr)
    fail(
        Exit::data,
        fmt::format("{}: expected an array experts [tokens, layers, k] or logits [tokens, layers, "
                    "E], found {}",
                    path, arrays.files.ignored.empty() ? "neither" : joined(arrays.files.ignored)));
  if (arrays.experts == nullptr && (arrays.rule.name.empty() || arrays.rule.k == 0))
    fail(Exit::usage, arrays.logits->where +
                          ": router logits alone do not say who was chosen; give --k K and --gate "
                          "softmax (over all experts), softmax-of-chosen or sigmoid");
  arrays.k = arrays.experts != nullptr ? arrays.experts->shape[2] : arrays.rule.k;
  if (arrays.rule.k > 0 && arrays.rule.k != arrays.k)
    fail(Exit::usage,
         fmt::format("command line: --k {}: {} has {} choices per token; leave --k out",
                     arrays.rule.k, arrays.experts->where, arrays.k));
  if (!arrays.rule.name.empty() && arrays.logits == nullptr)
    fail(Exit::usage, "command line: --gate makes gates of an array logits, and there is none");
  if (!arrays.rule.name.empty() && arrays.gates != nullptr)
    fail(Exit::usage,
         "command line: --gate: " + arrays.gates->where + " has the gates; leave one of them out");
}

}  // namespace

ForeignTrace trace_of_arrays(const std::vector<std::string>& paths, index experts,
                             const GateRule& rule) {
  const auto arrays = std::make_shared<TraceArrays>();
  for (const std::string& path : paths) read_arrays(path, array_names(), arrays->files);
  arrays->experts = arrays->files.find("experts"), arrays->logits = arrays->files.find("logits");
  arrays->gates = arrays->files.find("gates"), arrays->ids = arrays->files.find("token_ids");
  arrays->rule = rule;
  check_rule(*arrays, paths.front());
  check_shapes(*arrays);

  ForeignTrace trace;
  const ForeignArray& main = *(arrays->experts != nullptr ? arrays->experts : arrays->logits);
  trace.tokens = main.shape[0], trace.k = arrays->k;
  trace.steps = {0};
  for (index layer = 0; layer < main.shape[1]; ++layer) trace.layers.push_back(layer);
  trace.experts = arrays->logits != nullptr ? arrays->logits->shape[2] : experts;
  if (experts > 0 && experts != trace.experts)
    fail(Exit::usage, fmt::format("command line: --experts {}: {} is of {} experts", experts,
                                  arrays->logits->where, trace.experts));
  if (trace.experts == 0) {
    trace.experts = guessed_experts(*arrays->experts);
    trace.notes.push_back(guess_note(trace.experts));
  }
  if (trace.k > trace.experts && arrays->experts == nullptr)
    fail(Exit::usage, fmt::format("command line: --k {}: {} is of {} experts", trace.k, main.where,
                                  trace.experts));
  if (trace.k > trace.experts)
    fail(Exit::data, fmt::format("{}: expected at most {} choices per token, one of each expert, "
                                 "found {}",
                                 main.where, trace.experts, trace.k));
  arrays->number = trace.experts;
  if (arrays->ids != nullptr) trace.token_ids = ids_in(*arrays->ids);
  trace.gate = arrays->gates != nullptr ? "as given"
               : rule.name.empty()      ? "unknown"
                                        : rule.name + " of the logits";
  for (const std::string& name : arrays->files.ignored)
    trace.notes.push_back("'" + name + "' is left out; arrays are " + joined(array_names()));
  trace.read = [arrays](std::size_t, std::size_t layer) {
    return choices_of(*arrays, static_cast<index>(layer));
  };
  return trace;
}

}  // namespace moesim
