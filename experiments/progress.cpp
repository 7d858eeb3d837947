#include "experiments/progress.hpp"

#include "sim/moe/metrics.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <unistd.h>

namespace moesim {
namespace {

std::string duration(double seconds) {
  const auto s = static_cast<long>(seconds);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
}

std::string thousands(double value) {
  if (value >= 1e6) return fmt::format("{:.2f}M", value / 1e6);
  return value >= 1e4 ? fmt::format("{:.0f}k", value / 1e3) : fmt::format("{:.0f}", value);
}

}  // namespace

Progress::Progress(std::string label, std::size_t number, std::size_t total, const std::string& log)
    : label_(std::move(label)),
      number_(number),
      total_(total),
      terminal_(isatty(STDERR_FILENO) == 1),
      colour_(terminal_ && std::getenv("NO_COLOR") == nullptr),
      begin_(std::chrono::steady_clock::now()),
      last_(begin_) {
  if (!log.empty()) log_ = std::fopen(log.c_str(), "a");
}

Progress::~Progress() {
  if (open_line_) std::fputc('\n', stderr);
  if (log_ != nullptr) std::fclose(log_);
}

std::string Progress::line(const StepReport& r) const {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  const double done = static_cast<double>(r.step + 1) / static_cast<double>(r.steps);
  const std::string routing = routing_.empty() ? "" : "  " + routing_;
  return fmt::format("[{}/{}] {}  step {}/{} {:3.0f}%  loss {:.4f}{}  {} tokens/s  ETA {}", number_,
                     total_, label_, r.step + 1, r.steps, 100 * done, r.task_loss, routing,
                     thousands(static_cast<double>(r.tokens) / seconds),
                     duration(seconds / done - seconds));
}

void Progress::print(const std::string& text, bool keep) {
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s%s", text.c_str(), keep ? "\n" : "");
    open_line_ = !keep;
    std::fflush(stderr);
  } else if (keep) {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  if (keep && log_ != nullptr) {
    std::fprintf(log_, "%s\n", text.c_str());
    std::fflush(log_);
  }
}

void Progress::on_step(const StepReport& report) {
  latest_ = report;
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now - last_ < std::chrono::milliseconds(200)) return;
  last_ = now;
  print(line(report), false);
}

void Progress::on_evaluation(const Evaluation& e) {
  double demand = 0, dropped = 0, cv = 0;
  for (const LayerStatistics& s : e.layers) {
    demand += s.assignments;
    dropped += s.dropped;
    cv += metrics::cv(s.demand) / static_cast<double>(e.layers.size());
  }
  routing_ =
      fmt::format("drops {:.1f}%  load CV {:.2f}", demand > 0 ? 100 * dropped / demand : 0, cv);
  if (e.step == 0) return;
  print(fmt::format("{}  validation {:.4f}", line(latest_), e.loss), true);
}

void Progress::finish(const std::string& outcome) {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  const char* green = colour_ ? "\033[32m" : "";
  const char* plain = colour_ ? "\033[0m" : "";
  print(fmt::format("[{}/{}] {}{}{}  {} after {}", number_, total_, green, label_, plain, outcome,
                    duration(seconds)),
        true);
}

}  // namespace moesim
