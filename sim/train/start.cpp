#include "sim/train/start.hpp"

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/checkpoint/safetensors.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/io/sha256.hpp"

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

// Tensors of a checkpoint by name.
using Found = std::map<std::string, TensorView>;

// Tensors of a file under their renamed names.
Found renamed(const TensorFile& file, const Start& start) {
  Found found;
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
    if (!found.emplace(name, tensor).second)
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

}  // namespace

Start read_start(Settings& settings) {
  Options init(settings, "init");
  Start start;
  start.from = init.text("from", "",
                         "folder of a run whose weights are the initial ones; empty: random "
                         "initialisation");
  start.checkpoint =
      init.text("checkpoint", "newest", "checkpoint of that run: newest, best or a step");
  index step = 0;
  if (start.checkpoint != "newest" && start.checkpoint != "best" &&
      (config::parse(start.checkpoint, step) != std::errc{} || step < 0))
    init.reject("checkpoint", "choose newest, best or a step");
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

std::string Start::load(const std::vector<NamedTensor>& weights) const {
  if (from.empty()) return {};
  const Checkpoint source = read_checkpoint(from, step_of(*this));
  const Found found = renamed(read_safetensors(source.weights), *this);
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
    own.value.from_host(values_of(at->second, from));
    ++taken;
  }
  if (taken == 0)
    fail(Exit::data, "init.from = " + from + ": none of its tensors is of this model");
  return fmt::format("begins with {} of {} tensors of step {} of {} (weights {})", taken,
                     weights.size(), source.info.step, from,
                     sha256_hex(source.weights.data(), source.weights.size()).substr(0, 16));
}

}  // namespace moesim
