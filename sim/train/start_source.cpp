#include "sim/train/start_source.hpp"

#include "sim/checkpoint/safetensors.hpp"
#include "sim/config/source_runs.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/io/sha256.hpp"
#include "sim/train/adapter.hpp"
#include "sim/train/loading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace moesim {
namespace {

// What [init] calls the source, for errors.
std::string name_of(const Start& start) {
  return start.dense_steps > 0 ? "init.at: the dense steps" : "init.from = " + start.from;
}

index step_of(const Start& start) {
  std::vector<CheckpointInfo> all = intact_infos(start.from);
  if (all.empty()) {
    require_one_folder("init.from = ", start.from);
    fail(Exit::data, name_of(start) + ": no checkpoint of a run there");
  }
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

// infinite: infinity is harmless, as in moments that overflowed.
std::vector<real> values_of(const TensorView& tensor, const std::string& from, bool infinite) {
  const auto refuse = [&](const std::string& what) {
    fail(Exit::data, fmt::format("init.from = {}: tensor {} {}", from,
                                 config::printable(tensor.name, 200), what));
  };
  if (tensor.dtype != "F32" && tensor.dtype != "F64")
    refuse("is " + tensor.dtype + ", not F32 or F64");
  std::vector<real> values =
      tensor.dtype == "F64" ? converted<double>(tensor.bytes) : converted<float>(tensor.bytes);
  if (!std::all_of(values.begin(), values.end(),
                   [&](real v) { return std::isfinite(v) || (infinite && !std::isnan(v)); }))
    refuse("has values that are not finite");
  return values;
}

// Tensors of a file whose names begin with `kind`, without it and under their renamed names. kind:
// of the optimiser's moments; empty: of weights.
HostTensors renamed(const TensorFile& file, const Start& start, const std::string& kind) {
  HostTensors found;
  std::vector<bool> used(start.renames.size(), false);
  for (const TensorView& tensor : file.tensors) {
    if (!tensor.name.starts_with(kind)) continue;
    std::string name = tensor.name.substr(kind.size());
    for (std::size_t i = 0; i < start.renames.size(); ++i) {
      const auto& [from, to] = start.renames[i];
      if (name.rfind(from, 0) != 0) continue;
      name = to + name.substr(from.size());
      used[i] = true;
      break;
    }
    HostTensor values{tensor.shape, values_of(tensor, start.from, !kind.empty())};
    if (!found.emplace(name, std::move(values)).second)
      fail(Exit::data, fmt::format("init.rename: two tensors of {} become {}; rename the other one "
                                   "as well",
                                   start.from, config::printable(name, 200)));
  }
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i] && kind.empty())
      fail(Exit::data, fmt::format("init.rename: no tensor of {} begins with {}", start.from,
                                   start.renames[i].first));
  return found;
}

bool has_adapters(const HostTensors& tensors) {
  const auto at = tensors.lower_bound("adapters.");
  return at != tensors.end() && at->first.starts_with("adapters.");
}

// Adapters of the other run would be lost.
void require_no_adapters(const std::string& from, const HostTensors& tensors) {
  if (has_adapters(tensors))
    fail(Exit::usage, fmt::format("init.from = {}: it has adapters; begin with the run that moesim "
                                  "transform RUN fold makes of it",
                                  from));
}

// Makes experts of the source's tensors, and chooses those that give values to the model's.
void take(StartSource& source, const Start& start, const NamedShapes& weights,
          const Transformer& model, std::uint64_t seed) {
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
  const auto remedy = [&](const std::string& name) -> std::string {
    const std::string settings = "; take the settings of that run";
    if (start.method == Start::Method::adapter)
      return settings + " for all but the experts: feed_forward.name, and no moe.shared";
    if (name.starts_with("adapters.") && !has_adapters(source.tensors))
      return "; set init.method = adapter, which adds adapters to a model without them";
    return settings + ", or set init.missing = draw";
  };
  for (const auto& own : weights) {
    const std::string& name = own.first;
    const auto at = source.tensors.find(name);
    const bool there = at != source.tensors.end();
    if (there && at->second.shape == lengths_of(own.second))
      source.taken.insert(name);
    else if (!may_miss(name))
      fail(Exit::data, fmt::format("{}: {}{}", name_of(start),
                                   there ? fmt::format("its tensor {} has another shape, not {}",
                                                       name, own.second.to_string())
                                         : "it has no tensor " + name,
                                   remedy(name)));
  }
  if (source.taken.empty())
    fail(Exit::data, name_of(start) + ": none of its tensors is of this model");
}

// The prefix of a name of the optimiser's state: "adamw.first." of "adamw.first.head".
std::string kind_of(const std::string& name) {
  return name.substr(0, name.find('.', name.find('.') + 1) + 1);
}

// The moments of the parameters that were taken; those of a new router are 0.
void take_moments(StartSource& source, const Start& start, const TensorFile& file,
                  const NamedShapes& state, const Transformer& model, std::uint64_t seed) {
  std::map<std::string, HostTensors> kinds;
  for (const auto& [name, shape] : state) {
    const std::string kind = kind_of(name), own = name.substr(kind.size());
    if (!source.taken.contains(own)) continue;
    const auto [at, is_new] = kinds.try_emplace(kind);
    HostTensors& moments = at->second;  // clang up to 15 captures no bindings
    if (is_new) {
      moments = renamed(file, start, kind);
      Upcycling how = start.upcycling;
      how.noise = 0;
      if (how.router == Upcycling::Router::normal) how.router = Upcycling::Router::zero;
      if (start.method == Start::Method::upcycle && !moments.empty())
        within([] { return "init.optimiser = copy"; },
               [&] { return upcycle(how, moments, model, seed); });
    }
    const auto found = moments.find(own);
    if (found == moments.end() || found->second.shape != lengths_of(shape))
      fail(Exit::usage,
           fmt::format("init.optimiser = copy: the optimiser of {} has no {}; set train.optimiser "
                       "and freeze.parameters as there, or init.optimiser = fresh",
                       start.from, name));
    source.moments[name] = found->second;
  }
}

Checkpoint checkpoint_of(const Start& start) {
  const index step = step_of(start);
  try {
    return read_checkpoint(start.from, step, parts_of(start));
  } catch (const Error& error) {
    if (error.code() != Exit::data || start.dense_steps > 0) throw;
    fail(Exit::data, fmt::format("{}: {}; choose another run, or another of its checkpoints "
                                 "(init.checkpoint)",
                                 name_of(start), error.what()));
  }
}

}  // namespace

CheckpointParts parts_of(const Start& start) {
  return start.needs_state() ? CheckpointParts::all : CheckpointParts::no_state;
}

StartSource read_start_source(const Start& start, const NamedShapes& weights,
                              const NamedShapes& state, const Transformer& model,
                              std::uint64_t seed) {
  StartSource source;
  const Checkpoint checkpoint = checkpoint_of(start);
  source.step = checkpoint.info.step;
  source.weights_sha256 = sha256_hex(checkpoint.weights.data(), checkpoint.weights.size());
  source.tensors = renamed(read_safetensors(checkpoint.weights), start, "");
  take(source, start, weights, model, seed);
  if (!start.needs_state()) return source;
  const TensorFile kept = read_safetensors(checkpoint.state);
  const auto [position, updates] = position_of(kept);
  // What is due at that step is due here, too: its evaluation is of this model.
  if (start.go_on)
    source.position = {.step = position.step, .skipped_batches = position.skipped_batches};
  if (!start.copy_moments) return source;
  source.updates = updates;
  take_moments(source, start, kept, state, model, seed);
  return source;
}

void require_dense(const Start& start, const NamedShapes& dense, const NamedShapes& weights,
                   const Transformer& model, std::uint64_t seed) {
  StartSource source;
  for (const auto& [name, shape] : dense)
    source.tensors[name] = {lengths_of(shape),
                            std::vector<real>(static_cast<std::size_t>(shape.size()))};
  within([] { return "init.at: the experts of the dense steps"; },
         [&] { take(source, start, weights, model, seed); });
}

}  // namespace moesim
