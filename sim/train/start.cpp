#include "sim/train/start.hpp"

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/checkpoint/safetensors.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fnmatch.h>
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

void freeze_matching(Options& options, std::vector<Parameter>& parameters) {
  const std::string patterns = options.text(
      "parameters", "",
      "parameters that do not learn: shell patterns over their full names, separated by spaces");
  for (const std::string& pattern : words_of(patterns)) {
    bool found = false;
    for (Parameter& p : parameters) {
      if (fnmatch(pattern.c_str(), p.name.c_str(), 0) != 0) continue;
      freeze(p);
      found = true;
    }
    if (found) continue;
    std::string names;
    constexpr std::size_t kShown = 6;
    for (std::size_t i = 0; i < std::min(kShown, parameters.size()); ++i)
      names += (i == 0 ? "" : ", ") + parameters[i].name;
    options.reject("parameters", fmt::format("no parameter matches {}; of {} the first are {}",
                                             pattern, parameters.size(), names));
  }
  if (std::all_of(parameters.begin(), parameters.end(),
                  [](const Parameter& p) { return p.frozen; }))
    options.reject("parameters", "nothing is left to learn");
}

// The values of a checkpoint by name.
using Found = std::map<std::string, TensorView>;

std::string renamed(std::string name, const Start& start) {
  for (const auto& [from, to] : start.renames)
    if (name.rfind(from, 0) == 0) return to + name.substr(from.size());
  return name;
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

}  // namespace

Start read_start(Settings& settings, std::vector<Parameter>& parameters) {
  Options freeze_options(settings, "freeze");
  freeze_matching(freeze_options, parameters);
  Options init(settings, "init");
  Start start;
  start.from = init.text("from", "",
                         "the folder of a run whose weights the training starts from; empty: all "
                         "values are drawn");
  start.checkpoint = init.text("checkpoint", "newest", "of that run: newest, best or a step");
  index step = 0;
  if (start.checkpoint != "newest" && start.checkpoint != "best" &&
      (config::parse(start.checkpoint, step) != std::errc{} || step < 0))
    init.reject("checkpoint", "choose newest, best or a step");
  start.draw_missing =
      init.choice(
          "missing", "error", {"error", "draw"},
          "parameters without a tensor of their name and shape there: an error, or drawn") ==
      "draw";
  for (const std::string& rule : words_of(
           init.text("rename", "", "beginnings of its names as old:new, separated by spaces"))) {
    const std::size_t colon = rule.find(':');
    if (colon == 0 || colon == std::string::npos)
      init.reject("rename", "write old:new, not " + rule);
    start.renames.emplace_back(rule.substr(0, colon), rule.substr(colon + 1));
  }
  return start;
}

void Start::load(const std::vector<NamedTensor>& weights) const {
  if (from.empty()) return;
  const Checkpoint source = read_checkpoint(from, step_of(*this));
  const TensorFile file = read_safetensors(source.weights);
  Found found;
  for (const TensorView& tensor : file.tensors) found[renamed(tensor.name, *this)] = tensor;
  index taken = 0;
  for (const NamedTensor& own : weights) {
    const auto at = found.find(own.name);
    std::vector<std::int64_t> shape;
    for (int axis = 0; axis < own.value.shape().rank(); ++axis)
      shape.push_back(own.value.shape()[axis]);
    const bool fits = at != found.end() && at->second.shape == shape;
    if (!fits && draw_missing) continue;
    if (!fits)
      fail(Exit::data,
           fmt::format("init.from = {}: {}; take the settings of that run, or set init.missing = "
                       "draw",
                       from,
                       at == found.end() ? "it has no tensor " + own.name
                                         : fmt::format("its tensor {} has another shape, not {}",
                                                       own.name, own.value.shape().to_string())));
    own.value.from_host(at->second.dtype == "F64" ? converted<double>(at->second.bytes)
                                                  : converted<float>(at->second.bytes));
    ++taken;
  }
  if (taken == 0)
    fail(Exit::data, "init.from = " + from + ": none of its tensors is of this model");
}

}  // namespace moesim
