#include "sim/train/schedule.hpp"

#include "sim/config/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace moesim {
namespace {

constexpr std::size_t kMostRestarts = 1000;

// Ascending steps separated by spaces: "300 600". The option is declared only if it is set:
// resolved configs of earlier runs have no line for it, and such runs must keep their identity.
std::vector<index> read_restarts(Options& options, index steps) {
  if (!options.settings().has(options.section() + ".restarts")) return {};
  const std::string text =
      options.text("restarts", "",
                   "steps at which warm-up and schedule restart, e.g. '300 600'; "
                   "--extend sets it; empty: never");
  std::vector<index> restarts;
  std::string_view rest = config::trimmed(text);
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    index step = 0;
    if (config::parse(word, step) != std::errc{} || restarts.size() == kMostRestarts)
      options.reject("restarts", "write steps separated by spaces, e.g. 300 600");
    if (step <= (restarts.empty() ? 0 : restarts.back()) || step >= steps)
      options.reject("restarts", fmt::format("{} is out of order; write ascending steps between 0 "
                                             "and run.steps = {}",
                                             step, steps));
    restarts.push_back(step);
    rest = config::trimmed(rest.substr(word.size()));
  }
  return restarts;
}

}  // namespace

Schedule::Schedule(Options& options, index steps) {
  static constexpr Named<Shape> kShapes[] = {
      {"cosine", Shape::cosine}, {"constant", Shape::constant}, {"wsd", Shape::wsd}};
  static constexpr Named<Decay> kDecays[] = {
      {"linear", Decay::linear}, {"cosine", Decay::cosine}, {"root", Decay::root}};
  peak_ = options.number("rate", 3e-3, {0, 100}, "learning rate after the warm-up");
  shape_ =
      options.choice("schedule", Shape::cosine, kShapes,
                     "learning rate after the warm-up; wsd: constant, with a decay at the end");
  warmup_ = options.integer("warmup", 0, {0, 1ll << 40}, "steps of linear warm-up");
  floor_ = options.number("rate_min", 0, {0, 100}, "where cosine and wsd end");
  if (floor_ > peak_) options.reject("rate_min", "is above train.rate");
  decay_ = options.number("decay_share", 0.2, {0, 1},
                          "wsd: share of the steps after the warm-up in which the rate falls");
  decay_form_ = options.choice("decay_form", Decay::linear, kDecays,
                               "wsd: form of the fall; root: 1 - sqrt (Hägele et al. 2024)");
  ends_ = read_restarts(options, steps);
  if (shape_ == Shape::constant && !ends_.empty())
    options.reject("restarts",
                   "a constant rate has no restarts; remove it, or set "
                   "train.schedule = cosine");
  ends_.push_back(steps);
}

double Schedule::height(index passed, index steps) const {
  if (shape_ == Shape::constant) return 1;
  double from = 0;  // the stable part
  if (shape_ == Shape::wsd) from = (1 - decay_) * static_cast<double>(steps);
  const double run = std::max(1.0, static_cast<double>(steps) - from);
  const double progress = std::clamp((static_cast<double>(passed) - from) / run, 0.0, 1.0);
  if (shape_ == Shape::cosine || decay_form_ == Decay::cosine)
    return 0.5 * (1 + std::cos(std::numbers::pi * progress));
  return 1 - (decay_form_ == Decay::root ? std::sqrt(progress) : progress);
}

double Schedule::rate(index step) const {
  // The decay of this step covers steps first to *end - 1.
  const auto end = std::min(std::upper_bound(ends_.begin(), ends_.end(), step), ends_.end() - 1);
  const index first = end == ends_.begin() ? 0 : *(end - 1);
  const index passed = step - first;
  const double from = first == 0 ? 0 : floor_;
  if (passed < warmup_)
    return from +
           (peak_ - from) * static_cast<double>(passed + 1) / static_cast<double>(warmup_ + 1);
  if (shape_ == Shape::constant) return peak_;
  return floor_ + height(passed - warmup_, *end - first - warmup_) * (peak_ - floor_);
}

bool Schedule::depends_on_steps() const {
  return shape_ != Shape::constant && floor_ < peak_ && (shape_ == Shape::cosine || decay_ > 0) &&
         (ends_.size() > 1 || ends_.back() > warmup_);
}

bool Schedule::continues(const Schedule& shorter) const {
  if (peak_ != shorter.peak_ || floor_ != shorter.floor_ || warmup_ != shorter.warmup_ ||
      shape_ != shorter.shape_ || decay_ != shorter.decay_ || decay_form_ != shorter.decay_form_ ||
      shorter.ends_.back() >= ends_.back())
    return false;
  const bool begins_alike = shorter.ends_.size() < ends_.size() &&
                            std::equal(shorter.ends_.begin(), shorter.ends_.end(), ends_.begin());
  if (begins_alike) return true;
  // Without a restart before the end of the shorter training, only a warm-up or a constant rate
  // agrees.
  return !shorter.depends_on_steps() && (ends_.size() == 1 || ends_[0] >= shorter.ends_.back());
}

std::string Schedule::restarts_beyond() const {
  return depends_on_steps() ? fmt::format("{}", fmt::join(ends_, " ")) : "";
}

}  // namespace moesim
