#include "experiments/sweep/estimate.hpp"

#include "analysis/statistics/sample.hpp"
#include "experiments/sweep/child.hpp"
#include "experiments/sweep/dense_steps.hpp"
#include "experiments/sweep/experiment.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/record_cost.hpp"
#include "experiments/sweep/resources.hpp"
#include "experiments/sweep/take_sources.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/core/number.hpp"
#include "sim/io/fork.hpp"
#include "sim/io/sha256.hpp"
#include "sim/record/image.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <numeric>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace moesim {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Trains until the time is over, at least three steps; the first is warm-up. Steps that record
// statistics take longer and are timed separately.
class Trial : public Hook {
 public:
  Trial(double seconds, const Recorder& recorder) : seconds_(seconds), recorder_(recorder) {}
  bool wants_stop() override { return all_.size() > 3 && since(begin_) >= seconds_; }
  void on_step(const StepReport& report) override {
    all_.push_back(report.seconds);
    end_ = since(begin_);
    if (all_.size() > 1)
      (recorder_.wants_routing(report.step) ? recorded_ : others_).push_back(report.seconds);
  }
  double recorded() const { return median_of(recorded_.empty() ? all_ : recorded_); }
  double steps() const { return static_cast<double>(all_.size()); }
  // Seconds between the steps, spent on recording.
  double recording() const {
    return std::max(0.0, end_ - std::accumulate(all_.begin(), all_.end(), 0.0));
  }
  double others() const { return others_.empty() ? recorded() : median_of(others_); }

 private:
  double seconds_;
  const Recorder& recorder_;
  Clock::time_point begin_ = Clock::now();
  double end_ = 0;
  std::vector<double> all_, recorded_, others_;
};

// Number of checkpoints at the end of a run whose loss falls throughout: at most two regular ones,
// and the last.
double kept_checkpoints(const Checkpointer& checkpointer, double steps, double seconds) {
  const auto every = static_cast<double>(checkpointer.every());
  const double each = checkpointer.seconds();
  if (every > 0)
    return std::min(2.0, std::floor(steps / every)) + (std::fmod(steps, every) > 0 ? 1 : 0);
  return std::clamp(1 + (each > 0 ? std::floor(seconds / each) : steps), 1.0, 2.0);
}

// Seconds for all checkpoints at fixed steps; checkpoints by time are limited to a share of the
// run. Each is hashed and checked for non-finite values before it is written.
double checkpoint_seconds(const Checkpointer& checkpointer, double steps, double bytes) {
  const auto every = static_cast<double>(checkpointer.every());
  if (every == 0) return 0;
  const std::string sample(1 << 22, 'x');
  const Clock::time_point begin = Clock::now();
  sha256_hex(sample.data(), sample.size());
  const double per_byte = since(begin) / static_cast<double>(sample.size());
  constexpr double kPasses = 3;     // over the bytes: hash, check, write
  constexpr double kSynced = 0.01;  // seconds to fsync a file
  return std::floor(steps / every) * (kPasses * per_byte * bytes + kSynced);
}

// The rows of a share of the steps.
RecordRows share_of(const RecordRows& all, double share) {
  return {std::round(share * all.steps), share * all.records, share * all.evaluations,
          share * all.traces, share * all.rows};
}

// The cost of a share of the steps of a run. -> memory: of its records alone
Estimate try_part(RunSpec spec, double share, int threads, double seconds, DataCache& cache) {
  const Clock::time_point begin = Clock::now();
  // The trial evaluates fewer batches.
  const Experiment whole = build(spec, threads, cache, stand_in);
  const Checkpointer& checkpointer = *whole.checkpointer;
  const RecordRows rows = share_of(record_rows(whole), share);
  const auto batches = static_cast<double>(whole.trainer->evaluator().batches());
  spec.settings.set("eval.every", "0", "trial");
  Evaluator::shorten(spec.settings, "trial");
  if (rows.records < rows.steps) spec.settings.set("record.every", "2", "trial");
  Experiment e = build(spec, threads, cache);
  e.trainer->start();
  take_teacher(e, threads, [](const std::string&) {});
  const double start = since(begin);

  const RunFile& file = e.recorder->file();
  const auto held = [&] { return static_cast<double>(file.image().size()); };
  e.recorder->on_evaluation(e.trainer->evaluate(0));  // warm-up
  const double one = held();
  const Clock::time_point evaluation = Clock::now();
  e.recorder->on_evaluation(e.trainer->evaluate(0));
  const double evaluation_seconds = since(evaluation);
  const double two = held();
  const auto rows_now = [&](const char* name) {
    const Variable* variable = file.find(name);
    return variable == nullptr ? 0 : static_cast<double>(variable->shape[0]);
  };
  Trial trial(seconds, *e.recorder);
  e.trainer->run({e.recorder.get(), &trial});
  // Assume that all records compress as in the trial.
  const double tried = stored_bytes(file, {rows_now("step"), rows_now("record_step"), 0,
                                           rows_now("trace_step"), rows_now("trace_token")});
  const double training = stored_bytes(file, {rows.steps, rows.records, 0, rows.traces, rows.rows});
  const double stored = stored_bytes(file, rows);
  const double records = one + rows.evaluations * std::max(0.0, two - one) +
                         training / tried * std::max(0.0, held() - two);
  double state = 0;
  for (const NamedTensor& tensor : e.trainer->state())
    state += static_cast<double>(tensor.value.size());
  const auto bytes = static_cast<double>(number_bytes());
  const double checkpoint = bytes * (state + static_cast<double>(count(e.trainer->parameters()))) +
                            rest_bytes(file, rows);

  // The causality probe runs about ten forward passes.
  constexpr double kProbe = 10;
  const double total =
      start + rows.records * trial.recorded() + (rows.steps - rows.records) * trial.others() +
      (rows.evaluations * batches + (e.task->shape().causal ? kProbe : 0)) * evaluation_seconds +
      rows.steps / trial.steps() * (trial.recording() + seconds_to_compress(file)) +
      checkpoint_seconds(checkpointer, rows.steps, checkpoint);
  // Finished blocks are also stored with the checkpoints.
  const double blocks = stored > 0 ? records * (1 - rest_bytes(file, rows) / stored) : 0;
  return {
      .step_seconds = trial.others(),
      .seconds = total,
      .memory = record_memory(e),
      .device = e.backend->name() == "cpu" ? 0 : static_cast<double>(e.backend->held()),
      .disk = records + blocks + kept_checkpoints(checkpointer, rows.steps, total) * checkpoint};
}

// The same of a whole run, of its dense steps (init.at) by the steps of the dense arm.
Estimate try_parts(const RunSpec& spec, int threads, double seconds, DataCache& cache) {
  const Experiment whole = build(spec, threads, cache, stand_in);
  const double share = static_cast<double>(whole.trainer->beginning().dense_steps) /
                       static_cast<double>(whole.trainer->steps());
  if (share == 0) return try_part(spec, 1, threads, seconds, cache);
  const RunSpec dense = build_dense(whole, cache).spec;
  return in_turn(try_part(dense, share, threads, seconds / 2, cache),
                 try_part(spec, 1 - share, threads, seconds / 2, cache), share);
}

std::string try_out(const RunSpec& spec, int threads, double seconds, DataCache& cache) {
  require_threads(threads);
  const Estimate e = try_parts(spec, threads, seconds, cache);
  return nlohmann::json{{"step_seconds", e.step_seconds},
                        {"seconds", e.seconds},
                        {"device", e.device},
                        {"records", e.memory},
                        {"disk", e.disk}}
      .dump();
}

// Runs copies of the trial in other processes during its lifetime.
class Company {
 public:
  Company(std::size_t size, const std::function<void()>& work) {
    try {
      while (children_.size() < size) children_.push_back(fork_child([&](int) { work(); }));
    } catch (const std::system_error&) {
      // The estimate is then less accurate.
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
                      DataCache& data, double least_bytes) {
  {
    // Read the data here: otherwise every child would read them again.
    Settings settings = spec.settings;
    data.get(settings);
  }
  const auto processes = static_cast<std::size_t>(processors());
  const pid_t parent = ::getpid();
  const Company company(std::min(at_once, processes) - 1, [&] {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      // The platform may lack prctl.
      while (::getppid() == parent) try_out(spec, threads, seconds, data);
    } catch (const std::exception&) {
      // The real trial reports the error.
    }
  });
  const ChildResult child = in_child(
      "tries the run out", [&] { return try_out(spec, threads, seconds, data); }, least_bytes);
  const nlohmann::json json = nlohmann::json::parse(child.text);
  // In a real run the data are read before anything else is allocated.
  rusage own{};
  ::getrusage(RUSAGE_SELF, &own);
  constexpr double kKilobyte = 1024;
  const double reading = kKilobyte * static_cast<double>(own.ru_maxrss);
  const double memory = static_cast<double>(child.peak_bytes) + json["records"].get<double>();
  return {json["step_seconds"], json["seconds"], std::max(memory, reading), json["device"],
          json["disk"]};
}

Estimate in_turn(const Estimate& first, const Estimate& then, double share) {
  return {.step_seconds = share * first.step_seconds + (1 - share) * then.step_seconds,
          .seconds = first.seconds + then.seconds,
          .memory = std::max(first.memory, then.memory),
          .device = std::max(first.device, then.device),
          .disk = first.disk + then.disk};
}

double schedule(const std::vector<double>& seconds, std::size_t at_once) {
  std::vector<double> slots(std::max<std::size_t>(1, at_once));
  for (const double each : seconds) *std::min_element(slots.begin(), slots.end()) += each;
  return *std::max_element(slots.begin(), slots.end());
}

}  // namespace moesim
