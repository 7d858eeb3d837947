#include "experiments/estimate.hpp"

#include "analysis/statistics.hpp"
#include "experiments/child.hpp"
#include "experiments/experiment.hpp"
#include "experiments/process_limits.hpp"
#include "experiments/resources.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/record/child.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace moesim {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Steps until the time is over, three at the least; the first is warm-up.
class Trial : public Hook {
 public:
  explicit Trial(double seconds) : seconds_(seconds) {}
  bool wants_stop() override { return steps_.size() > 3 && since(begin_) >= seconds_; }
  void on_step(const StepReport& report) override { steps_.push_back(report.seconds); }
  double median() const {
    return median_of(steps_.size() > 1 ? std::vector(steps_.begin() + 1, steps_.end()) : steps_);
  }
  double steps() const { return static_cast<double>(steps_.size()); }

 private:
  double seconds_;
  Clock::time_point begin_ = Clock::now();
  std::vector<double> steps_;
};

// How many checkpoints are there in the end, if the loss falls to the end? Two regular ones at
// most, and the last.
double kept_checkpoints(const Settings& settings, double steps, double seconds) {
  const double every = std::stod(settings.effective("checkpoint.every"));
  const double each = std::stod(settings.effective("checkpoint.seconds"));
  if (every > 0)
    return std::min(2.0, std::floor(steps / every)) + (std::fmod(steps, every) > 0 ? 1 : 0);
  return std::clamp(1 + (each > 0 ? std::floor(seconds / each) : steps), 1.0, 2.0);
}

std::string try_out(RunSpec spec, int threads, double seconds) {
  require_threads(threads);
  const Clock::time_point begin = Clock::now();
  DataCache cache;
  // The evaluations of the trial are short ones.
  const Experiment whole = build(spec, threads, cache, stand_in);
  const auto& settings = whole.spec.settings;
  const auto steps = std::stod(settings.effective("run.steps"));
  const auto every = std::stod(settings.effective("eval.every"));
  const auto batches = static_cast<double>(whole.trainer->evaluation_batches());
  spec.settings.set("eval.every", "0", "trial");
  spec.settings.set("eval.batches", "1", "trial");
  Experiment e = build(spec, threads, cache);
  e.trainer->start();
  const double start = since(begin);

  const auto held = [&] { return static_cast<double>(e.recorder->file().bytes().size()); };
  e.recorder->on_evaluation(e.trainer->evaluate(0));  // warm-up
  const double one = held();
  const Clock::time_point evaluation = Clock::now();
  e.recorder->on_evaluation(e.trainer->evaluate(0));
  const double evaluation_seconds = since(evaluation);
  const double two = held();
  Trial trial(seconds);
  e.trainer->run({e.recorder.get(), &trial});
  const double evaluations = 1 + (every > 0 ? std::floor(steps / every) : 0);
  const double records = one + evaluations * std::max(0.0, two - one) +
                         steps / trial.steps() * std::max(0.0, held() - two);

  // The probe for the future runs some ten forward passes.
  constexpr double kProbe = 10;
  const double total =
      start + steps * trial.median() +
      (evaluations * batches + (e.task->shape().causal ? kProbe : 0)) * evaluation_seconds;
  double state = 0;
  for (const NamedTensor& tensor : e.trainer->state())
    state += static_cast<double>(tensor.value.size());
  const double checkpoint =
      sizeof(moesim::real) * (state + static_cast<double>(count(e.trainer->parameters()))) +
      records;
  return nlohmann::json{{"step_seconds", trial.median()},
                        {"seconds", total},
                        {"device", e.backend->name() == "cpu" ? 0 : e.backend->held()},
                        {"disk", records + kept_checkpoints(settings, steps, total) * checkpoint}}
      .dump();
}

// Processes that do the same, while it lives.
class Company {
 public:
  Company(std::size_t size, const std::function<void()>& work) {
    try {
      while (children_.size() < size) children_.push_back(fork_child([&](int) { work(); }));
    } catch (const std::system_error&) {
      // The estimate is less exact then.
    }
  }
  ~Company() {
    for (const Child& child : children_) {
      ::kill(child.pid, SIGKILL);
      ::close(child.pipe);
      while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }
  Company(const Company&) = delete;
  Company& operator=(const Company&) = delete;

 private:
  std::vector<Child> children_;
};

}  // namespace

Estimate estimate_run(const RunSpec& spec, int threads, double seconds, std::size_t at_once,
                      double least_bytes) {
  const auto processes = static_cast<std::size_t>(processors());
  const pid_t parent = ::getpid();
  const Company company(std::min(at_once, processes) - 1, [&] {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      while (::getppid() == parent) try_out(spec, threads, seconds);  // prctl may be missing
    } catch (const std::exception&) {
      // The run itself will say so.
    }
  });
  const ChildResult child = in_child(
      "tries the run out", [&] { return try_out(spec, threads, seconds); }, least_bytes);
  const nlohmann::json json = nlohmann::json::parse(child.text);
  return {json["step_seconds"], json["seconds"], static_cast<double>(child.peak_bytes),
          json["device"], json["disk"]};
}

double schedule(const std::vector<double>& seconds, std::size_t at_once) {
  std::vector<double> slots(std::max<std::size_t>(1, at_once));
  for (const double each : seconds) *std::min_element(slots.begin(), slots.end()) += each;
  return *std::max_element(slots.begin(), slots.end());
}

}  // namespace moesim
