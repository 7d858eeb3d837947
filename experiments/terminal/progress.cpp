#include "experiments/terminal/progress.hpp"

#include "sim/moe/metrics.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace moesim {

namespace {

std::string thousands(double value) {
  if (value >= 1e6) return fmt::format("{:.2f}M", value / 1e6);
  return value >= 1e4 ? fmt::format("{:.0f}k", value / 1e3) : fmt::format("{:.0f}", value);
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Dropped share of the requested assignments of all layers, in percent.
double drops_percent(const std::vector<LayerStatistics>& layers) {
  double demand = 0, dropped = 0;
  for (const LayerStatistics& s : layers) {
    demand += s.assignments;
    dropped += s.dropped;
  }
  return demand > 0 ? 100 * dropped / demand : 0;
}

}  // namespace

Progress::Progress(std::string prefix, Show show, const std::string& log)
    : prefix_(std::move(prefix)),
      show_(std::move(show)),
      path_(log),
      begin_(std::chrono::steady_clock::now()),
      last_(begin_) {
  open_log();
}

Progress::~Progress() {
  if (log_ >= 0) ::close(log_);
}

// Opens log.txt, again if the open file has been removed or moved away.
void Progress::open_log() {
  struct stat named {
  }, open{};
  const bool there = ::stat(path_.c_str(), &named) == 0;
  if (log_ >= 0 && ::fstat(log_, &open) == 0 && there && named.st_dev == open.st_dev &&
      named.st_ino == open.st_ino)
    return;
  if (log_ >= 0) ::close(log_);
  // O_NONBLOCK: opening must not block, whatever kind of file has that name.
  log_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
}

std::string Progress::line(const StepReport& r) const {
  const double seconds = seconds_since(begin_);
  const auto done = static_cast<double>(trained_);
  const double tokens = static_cast<double>(r.tokens) / static_cast<double>(r.step + 1) * done;
  const std::string routing = routing_.empty() ? "" : "  " + routing_;
  return fmt::format("{}  step {}/{} {:3.0f}%  loss {:.4f}{}  {} tokens/s  ETA {}", prefix_,
                     r.step + 1, r.steps,
                     100 * static_cast<double>(r.step + 1) / static_cast<double>(r.steps),
                     r.task_loss, routing, thousands(tokens / seconds),
                     duration(seconds / done * static_cast<double>(r.steps - r.step - 1)));
}

void Progress::keep(const std::string& text) {
  show_(text, true);
  open_log();
  const std::string line = text + "\n";
  if (log_ >= 0 && ::write(log_, line.data(), line.size()) < 0) return;  // training goes on
}

void Progress::on_step(const StepReport& report) {
  ++trained_;
  latest_ = report;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(200)) return;
  last_ = now;
  show_(line(report), false);
}

void Progress::on_routing(index, const std::vector<LayerStatistics>& layers) {
  double cv = 0;
  for (const LayerStatistics& s : layers)
    cv += metrics::cv(s.demand) / static_cast<double>(layers.size());
  routing_ = fmt::format("train drops {:.1f}%  load CV {:.2f}", drops_percent(layers), cv);
}

void Progress::on_evaluation(const Evaluation& e) {
  if (trained_ == 0) return;  // this process has not trained yet
  keep(fmt::format("{}  validation {:.4f}  eval drops {:.1f}%", line(latest_), e.loss,
                   drops_percent(e.layers)));
}

void Progress::say(const std::string& what) { keep(fmt::format("{}  {}", prefix_, what)); }

double Progress::seconds() const { return seconds_since(begin_); }

}  // namespace moesim
