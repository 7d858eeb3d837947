#include "experiments/sweep/resources.hpp"

#include "experiments/sweep/control_group.hpp"
#include "experiments/sweep/experiment.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/record_cost.hpp"
#include "sim/core/number.hpp"
#include "sim/train/gradient_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

namespace moesim {
namespace {

double system_memory() {
  std::ifstream info("/proc/meminfo");
  for (std::string key; info >> key;) {
    double kilobytes = 0;
    if (key == "MemAvailable:" && info >> kilobytes) return 1024 * kilobytes;
    info.ignore(256, '\n');
  }
  return 0;
}

// Constants of least_memory, fitted to the program's peak memory (experiments/RUNS.md).
constexpr double kBytesOfProcess = 3e7;  // code, libraries and threads
constexpr double kValuesOfBlock = 3;     // activations per token and width, without attention's
constexpr double kValuesOfRoutedAttention = 4;  // the same of attention that is an MoE layer
constexpr double kShareOfGradients = 0.9;  // of the last block's values, early in the backward pass

void lower(double& limit, double other) {
  if (other > 0 && (limit == 0 || other < limit)) limit = other;
}

}  // namespace

double available_memory() {
  double bytes = system_memory();
  lower(bytes, group_memory());
  lower(bytes, memory_limit());
  return bytes;
}

double free_disk(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path path = fs::absolute(folder, error).lexically_normal();
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  const fs::space_info space = fs::space(path, error);
  return error ? 0 : static_cast<double>(space.available);
}

int processors() {
  const int all = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const double granted = group_processors();  // more threads would be throttled
  return granted > 0 ? std::clamp(static_cast<int>(std::ceil(granted)), 1, all) : all;
}

namespace {

// Number of values that a block keeps for the backward pass.
double values_of(const Block& block, double tokens, double width) {
  // Input, both normalised inputs; queries, keys, values, output of attention.
  const double attention = block.attention() != nullptr ? block.attention()->kept_values_per_token()
                                                        : kValuesOfRoutedAttention * width;
  const double values = (kValuesOfBlock * width + attention) * tokens;
  const MoeLayer* const moe = block.moe();
  if (moe == nullptr) return values + tokens * block.feed_forward()->kept_values_per_row();
  const Router& router = moe->router();
  const auto all = static_cast<index>(tokens);
  return values + router.expert_rows(all) * moe->expert().kept_values_per_row() +
         router.kept_values(all) +
         (moe->shared() != nullptr ? tokens * moe->shared()->kept_values_per_row() : 0);
}

// Number of values that have gradients and moments.
double trained_values(const std::vector<Parameter>& parameters) {
  double values = 0;
  for (const Parameter& p : parameters)
    if (!p.frozen) values += static_cast<double>(p.value.size());
  return values;
}

}  // namespace

double least_memory(const Experiment& e) {
  const auto moments = static_cast<double>(e.trainer->moments());
  const auto gradients = static_cast<double>(gradient_buffers(e.trainer->accumulate()));
  const auto length = static_cast<double>(e.data->info().length);
  const index sequences = e.trainer->batch() / e.trainer->accumulate();
  const double tokens = static_cast<double>(sequences) * length;
  const double evaluated = static_cast<double>(e.trainer->evaluator().batch()) * length;
  const auto width = static_cast<double>(e.model->config().width);
  const ModelShape shape = e.task->shape();
  const double outputs = shape.pooled ? 0 : static_cast<double>(shape.outputs);
  double activations = 0, last = 0, largest = 0;
  for (const auto& block : e.model->blocks()) {
    activations += last = values_of(*block, tokens, width);
    largest = std::max(largest, values_of(*block, evaluated, width));
  }
  const double training = activations + kShareOfGradients * last + 3 * tokens * outputs;
  // An evaluation keeps only one block's values at a time, but its batches may be larger.
  const double evaluation = std::max(largest, evaluated * (width + outputs));
  const auto bytes = static_cast<double>(number_bytes());
  return kBytesOfProcess +
         bytes * (static_cast<double>(count(e.model->parameters())) +
                  (gradients + moments) * trained_values(e.trainer->parameters()) +
                  std::max(training, evaluation)) +
         record_memory(e);
}

std::string readable_bytes(double bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(units)) bytes /= 1000, ++unit;
  const int decimals = unit == 0 || bytes >= 100 ? 0 : 1;
  return fmt::format("{:.{}f} {}", bytes, decimals, units[unit]);
}

}  // namespace moesim
