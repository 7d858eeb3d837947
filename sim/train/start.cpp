#include "sim/train/start.hpp"

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/checkpoint/safetensors.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/io/sha256.hpp"
#include "sim/train/loading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
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
  if (start.checkpoint != "best") return std::stoll(start.checkpoint);
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
                                                      {"upcycle", Start::Method::upcycle}};
  start.method = init.choice("method", Start::Method::same, kMethods,
                             "same: parameters of equal name and shape; student: the others are "
                             "drawn; upcycle: experts are copies or pieces of dense networks");
  init.keep_silent("method");
  start.upcycling = Upcycling::read(init);
  if (start.method != Start::Method::same && start.from.empty())
    init.reject("method", "needs another run; set init.from");
  start.draw_missing =
      init.choice("missing", "error", {"error", "draw"},
                  "parameters without a tensor of their name and shape there: error, or random") ==
      "draw";
  for (const std::string& rule :
       words_of(init.text("rename", "", "prefixes of its names as old:new, separated by spaces"))) {
    const std::size_t colon = rule.find(':');
    if (colon == 0 || colon == std::string::npos)
      init.reject("rename", "write old:new, not " + rule);
    start.renames.emplace_back(rule.substr(0, colon), rule.substr(colon + 1));
  }
  return start;
}

Started Start::load(const std::vector<NamedTensor>& weights, const Transformer& model,
                    std::uint64_t seed,
                    const std::function<std::vector<GateSum>()>& measure) const {
  if (from.empty()) return {};
  const Checkpoint source = read_checkpoint(from, step_of(*this));
  HostTensors found = renamed(read_safetensors(source.weights), *this);
  std::vector<UpcycledLayer> layers;
  if (method == Method::upcycle) layers = upcycle(upcycling, found, model, seed);
  // Buffers and other parameters of a router that was made keep their initial values.
  const auto may_miss = [&](const std::string& name) {
    return draw_missing || method == Method::student ||
           std::any_of(layers.begin(), layers.end(), [&](const UpcycledLayer& layer) {
             return name.rfind(layer.name + "router.", 0) == 0 &&
                    upcycling.router != Upcycling::Router::copy;
           });
  };
  index taken = 0;
  for (const NamedTensor& own : weights) {
    const auto at = found.find(own.name);
    const bool fits = at != found.end() && at->second.shape == lengths_of(own.value.shape());
    if (!fits && may_miss(own.name)) continue;
    if (!fits)
      fail(Exit::data,
           fmt::format("init.from = {}: {}; take the settings of that run, or set init.missing = "
                       "draw",
                       from,
                       at == found.end() ? "it has no tensor " + own.name
                                         : fmt::format("its tensor {} has another shape, not {}",
                                                       own.name, own.value.shape().to_string())));
    own.value.from_host(at->second.values);
    ++taken;
  }
  if (taken == 0)
    fail(Exit::data, "init.from = " + from + ": none of its tensors is of this model");
  Started done;
  done.step = source.info.step;
  done.weights_sha256 = sha256_hex(source.weights.data(), source.weights.size());
  done.summary = fmt::format("begins with {} of {} tensors of step {} of {} (weights {})", taken,
                             weights.size(), done.step, from, done.weights_sha256.substr(0, 16));
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
