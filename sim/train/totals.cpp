#include "sim/train/totals.hpp"

#include "sim/record/drops_window.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

double number_of(const RunFile& file, const std::string& name) {
  const auto found = file.attributes().find(name);
  const auto* value =
      found == file.attributes().end() ? nullptr : std::get_if<double>(&found->second);
  return value == nullptr ? kMissing : *value;
}

template <class Numbers>
void keep_latest(Numbers& numbers) {
  if (numbers.size() > 2 * kMostDropRecords)
    numbers.erase(numbers.begin(), numbers.end() - static_cast<std::ptrdiff_t>(kMostDropRecords));
}

}  // namespace

void Totals::tick() {
  const Clock::time_point now = Clock::now();
  wall_ += std::chrono::duration<double>(now - last_).count();
  last_ = now;
}

void Totals::add_step(double seconds, index tokens) {
  tick();
  seconds_ += seconds;
  tokens_ = static_cast<double>(tokens);
}

void Totals::add_record(const std::vector<LayerStatistics>& layers) {
  double dropped = 0, assignments = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    dropped += layers[i].dropped, assignments += layers[i].assignments;
    rows_[i] += layers[i].rows_per_token();
  }
  add_drops(dropped, assignments);
}

void Totals::add_drops(double dropped, double assignments) {
  steps_.push_back(static_cast<double>(records_++ * every_));
  percent_.push_back(assignments > 0 ? 100 * dropped / assignments : kMissing);
  keep_latest(steps_);
  keep_latest(percent_);
}

void Totals::add_evaluation(RunFile& file, index step) {
  tick();
  const Window window = drops_window(steps_, static_cast<double>(step));
  double sum = 0, count = 0;
  for (std::size_t i = window.first; i < window.end; ++i)
    if (!std::isnan(percent_[i])) sum += percent_[i], ++count;
  if (count > 0) file.attribute("train_drops_percent", sum / count);
}

// FLOPs of the model with the measured mean rows per token instead of the expected ones. Training
// is three times the forward pass.
double Totals::measured_flops(double expected) const {
  double flops = expected;
  for (std::size_t i = 0; i < rows_.size(); ++i)
    flops += 3 * costs_[i].flops_per_row *
             (rows_[i] / static_cast<double>(records_) - costs_[i].rows_per_token);
  return flops;
}

void Totals::write(RunFile& file) const {
  const double expected = number_of(file, "flops_per_token");
  if (const double flops = measured_flops(expected); !std::isnan(flops))
    file.attribute("flops_per_token_measured", flops);
  if (std::isnan(wall_)) return;
  file.attribute("train_seconds", seconds_);
  file.attribute("wall_seconds", wall_);
  // A run that went on from another one counts that run's tokens, and has not trained on them.
  const double before = number_of(file, "init_tokens");
  const double own = tokens_ - (std::isnan(before) ? 0 : before);
  if (const double flops = tokens_ > 0 ? expected * own : flops_; !std::isnan(flops))
    file.attribute("train_flops", flops);
}

void Totals::restore(const RunFile& earlier) {
  last_ = Clock::now();
  wall_ = number_of(earlier, "wall_seconds");
  seconds_ = number_of(earlier, "train_seconds");
  flops_ = number_of(earlier, "train_flops");
  tokens_ = 0;
  steps_.clear(), percent_.clear();
  records_ = 0;
  rows_.assign(costs_.size(), earlier.find("rows_per_token") == nullptr ? kMissing : 0);
  const Variable* variable = earlier.find("dropped");
  if (variable == nullptr || variable->shape.size() != 2) return;
  const auto layers = static_cast<std::size_t>(variable->shape[1]);
  const std::vector<double> dropped = earlier.all_values("dropped");
  const std::vector<double> assignments = earlier.all_values("assignments");
  const std::size_t rows = layers == 0 ? 0 : std::min(dropped.size(), assignments.size()) / layers;
  for (std::size_t row = 0; row < rows; ++row) {
    double lost = 0, all = 0;
    for (std::size_t i = row * layers; i < (row + 1) * layers; ++i)
      lost += dropped[i], all += assignments[i];
    add_drops(lost, all);
  }
  if (earlier.find("rows_per_token") == nullptr) return;
  const std::vector<double> rows_per_token = earlier.all_values("rows_per_token");
  for (std::size_t i = 0; i < rows * layers; ++i) rows_[i % layers] += rows_per_token.at(i);
}

}  // namespace moesim
