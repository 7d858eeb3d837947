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
                   "steps at which warm-up and cosine restart, e.g. '300 600'; "
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
  peak_ = options.number("rate", 3e-3, {0, 100}, "learning rate after the warm-up");
  cosine_ = options.choice("schedule", "cosine", {"cosine", "constant"},
                           "learning rate after the warm-up") == "cosine";
  warmup_ = options.integer("warmup", 0, {0, 1ll << 40}, "steps of linear warm-up");
  floor_ = options.number("rate_min", 0, {0, 100}, "where the cosine ends");
  if (floor_ > peak_) options.reject("rate_min", "is above train.rate");
  ends_ = read_restarts(options, steps);
  if (!cosine_ && !ends_.empty())
    options.reject("restarts",
                   "a constant rate has no restarts; remove it, or set "
                   "train.schedule = cosine");
  ends_.push_back(steps);
}

double Schedule::rate(index step) const {
  // The cosine of this step covers steps first to *end - 1.
  const auto end = std::min(std::upper_bound(ends_.begin(), ends_.end(), step), ends_.end() - 1);
  const index first = end == ends_.begin() ? 0 : *(end - 1);
  const index passed = step - first;
  const double from = first == 0 ? 0 : floor_;
  if (passed < warmup_)
    return from +
           (peak_ - from) * static_cast<double>(passed + 1) / static_cast<double>(warmup_ + 1);
  if (!cosine_) return peak_;
  const double run = static_cast<double>(std::max<index>(1, *end - first - warmup_));
  const double progress = std::min(1.0, static_cast<double>(passed - warmup_) / run);
  return floor_ + 0.5 * (1 + std::cos(std::numbers::pi * progress)) * (peak_ - floor_);
}

bool Schedule::depends_on_steps() const {
  return cosine_ && floor_ < peak_ && (ends_.size() > 1 || ends_.back() > warmup_);
}

bool Schedule::continues(const Schedule& shorter) const {
  if (peak_ != shorter.peak_ || floor_ != shorter.floor_ || warmup_ != shorter.warmup_ ||
      cosine_ != shorter.cosine_ || shorter.ends_.back() >= ends_.back())
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
