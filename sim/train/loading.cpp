#include "sim/train/loading.hpp"

#include "sim/checkpoint/safetensors.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/core/number.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>

namespace moesim {
namespace {

using Shapes = NamedShapes;
using Problems = std::vector<std::string>;

// True if a value is bad: NaN in any tensor, infinity in all but moments, whose overflow is
// harmless.
template <class T>
bool is_spoiled(std::string_view bytes, bool infinite_too) {
  T value;
  for (std::size_t at = 0; at + sizeof value <= bytes.size(); at += sizeof value) {
    std::memcpy(&value, bytes.data() + at, sizeof value);
    if (infinite_too ? !std::isfinite(value) : std::isnan(value)) return true;
  }
  return false;
}

void check_values(const std::string& path, const TensorView& tensor, bool infinite_too,
                  Problems& problems) {
  const bool spoiled = tensor.dtype == "F32"   ? is_spoiled<float>(tensor.bytes, infinite_too)
                       : tensor.dtype == "F64" ? is_spoiled<double>(tensor.bytes, infinite_too)
                                               : false;
  if (spoiled)
    problems.push_back(fmt::format("{}: tensor {} has values that are not finite", path,
                                   config::printable(tensor.name, 200)));
}

void compare(const std::string& path, const TensorFile& file, const Shapes& expected,
             bool infinite_too, Problems& problems) {
  std::map<std::string, Shape> left(expected.begin(), expected.end());
  for (const TensorView& tensor : file.tensors) {
    const std::string name = config::printable(tensor.name, 200);
    const auto found = left.find(tensor.name);
    if (found == left.end()) {
      problems.push_back(fmt::format("{}: tensor {} is not of this model", path, name));
      continue;
    }
    const std::vector<std::int64_t> shape = lengths_of(found->second);
    left.erase(found);
    if (tensor.dtype != number_name() || tensor.shape != shape)
      problems.push_back(fmt::format("{}: tensor {} is {} [{}], expected {} [{}]", path, name,
                                     tensor.dtype, fmt::join(tensor.shape, ", "), number_name(),
                                     fmt::join(shape, ", ")));
    else
      check_values(path, tensor, infinite_too, problems);
  }
  for (const auto& [name, shape] : left)
    problems.push_back(fmt::format("{}: no tensor {}", path, name));
}

// Reads the tensors of a file; without success adds the reason to the problems.
TensorFile read_tensors(const std::string& path, std::string_view bytes, Problems& problems) {
  try {
    return read_safetensors(bytes);
  } catch (const std::runtime_error& problem) {
    problems.push_back(path + ": " + problem.what());
    return {};
  }
}

constexpr const char* kStep = "step";
constexpr const char* kEvaluated = "evaluated";
constexpr const char* kSkippedBatches = "passed_over";  // its former name, for older versions
constexpr const char* kNotFinite = "not_finite";
constexpr const char* kUpdates = "updates";

// An integer of the metadata; -1: missing.
index number_of(const TensorFile& file, const char* key) {
  index value = -1;
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end() || config::parse(found->second, value) != std::errc{}) return -1;
  return value;
}

void compare_position(const std::string& path, const TensorFile& file, index step,
                      Problems& problems) {
  for (const char* key : {kStep, kEvaluated, kSkippedBatches, kNotFinite, kUpdates})
    if (number_of(file, key) < 0)
      problems.push_back(
          fmt::format("{}: no {}; it was written by another version of moesim", path, key));
  if (const index own = number_of(file, kStep); own >= 0 && own != step)
    problems.push_back(fmt::format("{}: of step {}, expected {}", path, own, step));
}

void give(const TensorFile& file, const std::vector<NamedTensor>& into) {
  for (const NamedTensor& tensor : into) {
    const auto found =
        std::find_if(file.tensors.begin(), file.tensors.end(),
                     [&](const TensorView& view) { return view.name == tensor.name; });
    std::vector<real> values(static_cast<std::size_t>(tensor.value.size()));
    std::memcpy(values.data(), found->bytes.data(), found->bytes.size());
    tensor.value.from_host(values);
  }
}

}  // namespace

std::vector<std::int64_t> lengths_of(const Shape& shape) {
  std::vector<std::int64_t> lengths;
  for (int axis = 0; axis < shape.rank(); ++axis) lengths.push_back(shape[axis]);
  return lengths;
}

std::string read_checkpoint_choice(Options& options, const std::string& help) {
  std::string choice = options.text("checkpoint", "newest", help);
  index step = 0;
  if (choice != "newest" && choice != "best" &&
      (config::parse(choice, step) != std::errc{} || step < 0))
    options.reject("checkpoint", "choose newest, best or a step");
  return choice;
}

std::map<std::string, std::string> metadata_of(const Trainer& trainer) {
  const Position& position = trainer.position();
  return {{kStep, std::to_string(position.step)},
          {kEvaluated, std::to_string(int{position.evaluated})},
          {kSkippedBatches, std::to_string(position.skipped_batches)},
          {kNotFinite, std::to_string(position.not_finite)},
          {kUpdates, std::to_string(trainer.updates())}};
}

std::pair<Position, index> position_of(const TensorFile& state) {
  return {{.step = number_of(state, kStep),
           .evaluated = number_of(state, kEvaluated) != 0,
           .skipped_batches = number_of(state, kSkippedBatches),
           .not_finite = number_of(state, kNotFinite)},
          number_of(state, kUpdates)};
}

std::vector<std::string> problems_of(const Checkpoint& checkpoint, const Trainer& trainer) {
  Problems problems;
  const std::string weights = checkpoint.path + "/" + kWeightsFile;
  const std::string state = checkpoint.path + "/" + kStateFile;
  const TensorFile of_weights = read_tensors(weights, checkpoint.weights, problems);
  const TensorFile of_state = read_tensors(state, checkpoint.state, problems);
  if (!problems.empty()) return problems;
  compare(weights, of_weights, trainer.shapes_of_weights(), true, problems);
  compare(state, of_state, trainer.shapes_of_state(), false, problems);
  compare_position(state, of_state, checkpoint.info.step, problems);
  return problems;
}

std::vector<std::string> problems_of(const Checkpoint& checkpoint) {
  Problems problems;
  for (const bool is_weights : {true, false}) {
    const std::string path = checkpoint.path + "/" + (is_weights ? kWeightsFile : kStateFile);
    const TensorFile file =
        read_tensors(path, is_weights ? checkpoint.weights : checkpoint.state, problems);
    for (const TensorView& tensor : file.tensors) check_values(path, tensor, is_weights, problems);
  }
  return problems;
}

void require_weights(const Checkpoint& checkpoint, const Trainer& trainer) {
  Problems problems;
  const std::string path = checkpoint.path + "/" + kWeightsFile;
  const TensorFile weights = read_tensors(path, checkpoint.weights, problems);
  if (problems.empty()) compare(path, weights, trainer.shapes_of_weights(), true, problems);
  if (!problems.empty()) fail(Exit::data, problems.front());
}

void load_weights(const Checkpoint& checkpoint, Trainer& trainer) {
  require_weights(checkpoint, trainer);
  give(read_safetensors(checkpoint.weights), trainer.weights());
}

void load_checkpoint(const Checkpoint& checkpoint, Trainer& trainer) {
  if (const Problems problems = problems_of(checkpoint, trainer); !problems.empty())
    fail(Exit::data, problems.front());
  give(read_safetensors(checkpoint.weights), trainer.weights());
  const TensorFile state = read_safetensors(checkpoint.state);
  give(state, trainer.state());
  const auto [position, updates] = position_of(state);
  trainer.resume(position, updates);
}

}  // namespace moesim
