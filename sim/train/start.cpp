#include "sim/train/start.hpp"

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/checkpoint/safetensors.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/io/sha256.hpp"
#include "sim/train/adapter.hpp"
#include "sim/train/loading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <sstream>

namespace moesim {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

index step_of(const Start& start) {
  std::vector<CheckpointInfo> all = checkpoint_infos(start.from);
  if (all.empty()) fail(Exit::data, "init.from = " + start.from + ": no checkpoint of a run there");
  if (start.checkpoint == "newest") return all.back().step;
  if (start.checkpoint != "best") {
    std::vector<std::string> steps;
    for (const CheckpointInfo& info : all) {
      steps.push_back(std::to_string(info.step));
      if (steps.back() == start.checkpoint) return info.step;
    }
    fail(Exit::usage,
         fmt::format("init.checkpoint = {}: choose newest, best or one of the steps {}",
                     start.checkpoint, joined(steps)));
  }
  return std::min_element(all.begin(), all.end(),
                          [](const CheckpointInfo& a, const CheckpointInfo& b) {
                            return std::isnan(b.loss) ? !std::isnan(a.loss) : a.loss < b.loss;
                          })
      ->step;
}

template <class T>
std::vector<real> converted(std::string_view bytes) {
  std::vector<real> values;
  T value;
  for (std::size_t at = 0; at + sizeof value <= bytes.size(); at += sizeof value) {
    std::memcpy(&value, bytes.data() + at, sizeof value);
    values.push_back(static_cast<real>(value));
  }
  return values;
}

std::vector<real> values_of(const TensorView& tensor, const std::string& from) {
  const auto refuse = [&](const std::string& what) {
    fail(Exit::data, fmt::format("init.from = {}: tensor {} {}", from,
                                 config::printable(tensor.name, 200), what));
  };
  if (tensor.dtype != "F32" && tensor.dtype != "F64")
    refuse("is " + tensor.dtype + ", not F32 or F64");
  std::vector<real> values =
      tensor.dtype == "F64" ? converted<double>(tensor.bytes) : converted<float>(tensor.bytes);
  if (!std::all_of(values.begin(), values.end(), [](real v) { return std::isfinite(v); }))
    refuse("has values that are not finite");
  return values;
}

// Tensors of a file under their renamed names.
HostTensors renamed(const TensorFile& file, const Start& start) {
  HostTensors found;
  std::vector<bool> used(start.renames.size(), false);
  for (const TensorView& tensor : file.tensors) {
    std::string name = tensor.name;
    for (std::size_t i = 0; i < start.renames.size(); ++i) {
      const auto& [from, to] = start.renames[i];
      if (name.rfind(from, 0) != 0) continue;
      name = to + name.substr(from.size());
      used[i] = true;
      break;
    }
    if (!found.emplace(name, HostTensor{tensor.shape, values_of(tensor, start.from)}).second)
      fail(Exit::data, fmt::format("init.rename: two tensors of {} become {}; rename the other one "
                                   "as well",
                                   start.from, config::printable(name, 200)));
  }
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i])
      fail(Exit::data, fmt::format("init.rename: no tensor of {} begins with {}", start.from,
                                   start.renames[i].first));
  return found;
}

// Adapters of the other run would be lost.
void require_no_adapters(const std::string& from, const HostTensors& tensors) {
  if (const auto at = tensors.lower_bound("adapters.");
      at != tensors.end() && at->first.starts_with("adapters."))
    fail(Exit::usage, fmt::format("init.from = {}: it has adapters; begin with the run that moesim "
                                  "transform RUN fold makes of it",
                                  from));
}

// What a start takes from another run: for each tensor of the model its values.
struct Source {
  index step = 0;
  std::string weights_sha256;
  HostTensors tensors;
  std::vector<UpcycledLayer> layers;
  std::set<std::string> drawn;  // by adapters
  std::vector<std::pair<NamedTensor, const std::vector<real>*>> taken;
};

Source read_source(const Start& start, const std::vector<NamedTensor>& weights,
                   const Transformer& model, std::uint64_t seed) {
  Source source;
  {
    const Checkpoint checkpoint = read_checkpoint(start.from, step_of(start));
    source.step = checkpoint.info.step;
    source.weights_sha256 = sha256_hex(checkpoint.weights.data(), checkpoint.weights.size());
    source.tensors = renamed(read_safetensors(checkpoint.weights), start);
  }
  if (model.adapters() == nullptr || start.method == Start::Method::adapter)
    require_no_adapters(start.from, source.tensors);
  if (start.method == Start::Method::upcycle)
    source.layers = upcycle(start.upcycling, source.tensors, model, seed);
  if (start.method == Start::Method::adapter) source.drawn = adapt(source.tensors, model);
  // Buffers and other parameters of a router that was made keep their initial values.
  const auto may_miss = [&](const std::string& name) {
    return start.draw_missing || start.method == Start::Method::student ||
           source.drawn.contains(name) ||
           std::any_of(source.layers.begin(), source.layers.end(), [&](const UpcycledLayer& layer) {
             return name.rfind(layer.name + "router.", 0) == 0 &&
                    start.upcycling.router != Upcycling::Router::copy;
           });
  };
  for (const NamedTensor& own : weights) {
    const auto at = source.tensors.find(own.name);
    const bool there = at != source.tensors.end();
    if (there && at->second.shape == lengths_of(own.value.shape()))
      source.taken.emplace_back(own, &at->second.values);
    else if (!may_miss(own.name))
      fail(Exit::data,
           fmt::format("init.from = {}: {}; take the settings of that run{}", start.from,
                       there ? fmt::format("its tensor {} has another shape, not {}", own.name,
                                           own.value.shape().to_string())
                             : "it has no tensor " + own.name,
                       start.method == Start::Method::adapter
                           ? " for all but the experts: feed_forward.name, and no moe.shared"
                           : ", or set init.missing = draw"));
  }
  if (source.taken.empty())
    fail(Exit::data, "init.from = " + start.from + ": none of its tensors is of this model");
  return source;
}

void explain_start(Options& init, const Start& start) {
  const Upcycling& how = start.upcycling;
  init.explain(Topic::state, fmt::format("begins with the weights of checkpoint {} of {}; the "
                                         "optimiser starts anew",
                                         start.checkpoint, start.from));
  if (start.method == Start::Method::student || start.draw_missing)
    init.explain(Topic::state,
                 "parameters without a tensor of their name and shape there are drawn");
  if (start.method == Start::Method::adapter)
    init.explain(
        Topic::state,
        "adapters are drawn; the networks that experts such as lora adapt are its dense ones");
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

}  // namespace

Start read_start(Settings& settings) {
  Options init(settings, "init");
  Start start;
  start.from = init.text("from", "",
                         "folder of a run whose weights are the initial ones; empty: random "
                         "initialisation");
  start.checkpoint = read_checkpoint_choice(init, "checkpoint of that run: newest, best or a step");
  static constexpr Named<Start::Method> kMethods[] = {{"same", Start::Method::same},
                                                      {"student", Start::Method::student},
                                                      {"upcycle", Start::Method::upcycle},
                                                      {"adapter", Start::Method::adapter}};
  start.method =
      init.choice("method", Start::Method::same, kMethods,
                  "same: parameters of equal name and shape; student: the others are "
                  "drawn; upcycle: experts are copies or pieces of dense networks; adapter: "
                  "[adapter], or experts such as lora, adapt its matrices");
  init.keep_silent("method");
  start.upcycling = Upcycling::read(init);
  if (start.method != Start::Method::same && start.from.empty())
    init.reject("method", "needs another run; set init.from");
  start.draw_missing =
      init.choice("missing", "error", {"error", "draw"},
                  "parameters without a tensor of their name and shape there: error, or random") ==
      "draw";
  if (start.method == Start::Method::adapter && start.draw_missing)
    init.reject("missing", "init.method = adapter draws what adapters add, and nothing else");
  for (const std::string& rule :
       words_of(init.text("rename", "", "prefixes of its names as old:new, separated by spaces"))) {
    const std::size_t colon = rule.find(':');
    if (colon == 0 || colon == std::string::npos)
      init.reject("rename", "write old:new, not " + rule);
    start.renames.emplace_back(rule.substr(0, colon), rule.substr(colon + 1));
  }
  if (!start.from.empty()) explain_start(init, start);
  return start;
}

void Start::check(const std::vector<NamedTensor>& weights, const Transformer& model,
                  std::uint64_t seed) const {
  if (!from.empty()) read_source(*this, weights, model, seed);
}

Started Start::load(const std::vector<NamedTensor>& weights, const Transformer& model,
                    std::uint64_t seed,
                    const std::function<std::vector<GateSum>()>& measure) const {
  if (from.empty()) return {};
  const Source source = read_source(*this, weights, model, seed);
  for (const auto& [own, values] : source.taken) own.value.from_host(*values);
  Started done;
  done.step = source.step;
  done.weights_sha256 = source.weights_sha256;
  done.summary =
      fmt::format("begins with {} of {} tensors of step {} of {} (weights {})", source.taken.size(),
                  weights.size(), done.step, from, done.weights_sha256.substr(0, 16));
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
