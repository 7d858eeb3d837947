// moesim bench: measures the time of a training step, its parts, and its share of the device's
// limit.
#include "analysis/statistics/difference.hpp"
#include "analysis/statistics/sample.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/arm_arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/limits.hpp"
#include "experiments/commands/serve.hpp"
#include "experiments/sweep/child.hpp"
#include "experiments/sweep/experiment.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/studies.hpp"
#include "experiments/sweep/take_sources.hpp"
#include "experiments/sweep/version.hpp"
#include "sim/core/error.hpp"
#include "sim/core/profile.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <numeric>
#include <optional>

namespace moesim {
namespace {

using SortedJson = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kDefaultConfig = "<bench.ini>";

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// Times every step after warm-up and measures the rate of matrix products next to each, because the
// clock rate of a machine in use changes from second to second. Steps from `split` on are timed
// part by part; if `replays`, they are then not replayed, and their total times do not count.
class Stopwatch : public Hook {
 public:
  Stopwatch(Backend& backend, Limits& limits, index warmup, index split, bool replays)
      : whole_(backend.timeline()),
        profile_(backend.timeline()),
        limits_(limits),
        warmup_(warmup),
        split_(split),
        replays_(replays) {
    prepare(0);
  }

  void on_step(const StepReport& report) override {
    whole_->stamp();
    const double seconds = sum_of(whole_->take());
    if (report.step >= warmup_) {
      if (scope_) {
        const std::array<double, kParts> parts = profile_.take();
        for (std::size_t i = 0; i < kParts; ++i) parts_[i] += parts[i];
        ++split_steps_;
      }
      if (!scope_ || !replays_) {
        steps_.push_back(seconds);
        const Limits::Rates rates = limits_.products();
        full_.push_back(rates.full), compute_.push_back(rates.compute);
      }
    }
    prepare(report.step + 1);
  }

  const std::vector<double>& steps() const { return steps_; }
  // FLOP/s of large products per step: in `real`, and in the compute mode.
  const std::vector<double>& full() const { return full_; }
  const std::vector<double>& compute() const { return compute_; }
  // Milliseconds of a step by part: the mean over steps, because not every step records.
  SortedJson parts() const {
    SortedJson all;
    for (std::size_t i = 0; i < kParts; ++i)
      all[to_string(static_cast<Part>(i))] = 1e3 * parts_[i] / static_cast<double>(split_steps_);
    return all;
  }

 private:
  // Restarts the timer of the next part.
  void prepare(index step) {
    if (!scope_ && step >= split_) scope_.emplace(profile_);
    if (scope_) profile_.take();
    whole_->stamp();
    whole_->take();
  }

  std::unique_ptr<Timeline> whole_;
  Profile profile_;
  std::optional<Profile::Scope> scope_;
  Limits& limits_;
  index warmup_, split_, split_steps_ = 0;
  bool replays_;
  std::vector<double> steps_, full_, compute_;
  std::array<double, kParts> parts_{};
};

struct Size {
  index warmup, steps;
  int threads;
};

// Overrides for every arm: its length, and no evaluation but the last.
void fix(RunSpec& spec, const Size& size) {
  spec.settings.set("run.steps", std::to_string(size.warmup + size.steps), "moesim bench --steps");
  spec.settings.unset("train.restarts");
  spec.settings.set("eval.every", "0", "moesim bench");
  Evaluator::shorten(spec.settings, "moesim bench");
}

// Checks all settings before anything is timed.
std::string check_all(const std::vector<RunSpec>& specs, const Size& size) {
  DataCache cache;
  for (RunSpec spec : specs) {
    fix(spec, size);
    build(std::move(spec), size.threads, cache);
  }
  return {};
}

// Measures one arm in a child process: label, time of a step, parts, rates.
std::string bench_arm(RunSpec spec, const Size& size) {
  const Clock::time_point begin = Clock::now();
  fix(spec, size);
  require_threads(size.threads);
  DataCache cache;
  Experiment e = build(std::move(spec), size.threads, cache);
  e.trainer->start();
  take_teacher(e, size.threads, [](const std::string&) {});
  const double startup = std::chrono::duration<double>(Clock::now() - begin).count();

  Limits limits(*e.backend, Limits::sizes_for(*e.backend));
  // With replay, the last quarter of the steps measures the parts; a single step measures both.
  const bool replays = e.trainer->passes().may_replay() && size.steps > 1;
  const index split = replays ? size.warmup + size.steps - std::max<index>(1, size.steps / 4) : 0;
  Stopwatch watch(*e.backend, limits, size.warmup, split, replays);
  e.trainer->run({e.recorder.get(), &watch});

  const double median = median_of(watch.steps());
  const auto tokens = static_cast<double>(e.trainer->batch() * e.data->info().length);
  const double work = tokens * e.model->flops_per_token();
  std::vector<double> shares;
  for (std::size_t i = 0; i < watch.steps().size(); ++i)
    shares.push_back(work / watch.steps()[i] / watch.compute()[i]);
  SortedJson arm = {{"arm", e.spec.label},
                    {"router", e.model->config().router},
                    {"device", e.backend->name() + ": " + e.backend->description()},
                    {"threads", e.backend->threads()},
                    {"compute", name_of<Compute>(kComputes, e.run.compute)},
                    {"step_ms",
                     {{"median", 1e3 * median},
                      {"lower_quartile", 1e3 * quantile(watch.steps(), 0.25)},
                      {"upper_quartile", 1e3 * quantile(watch.steps(), 0.75)}}},
                    {"tokens_per_second", tokens / median},
                    {"flops_per_token", e.model->flops_per_token()},
                    {"gflops", 1e-9 * work / median},
                    {"gemm_gflops", 1e-9 * median_of(watch.full())},
                    {"gemm_gflops_compute", 1e-9 * median_of(watch.compute())},
                    {"share_of_gemm", median_of(shares)},
                    {"copy_gb_per_second", 1e-9 * limits.copies()},
                    {"tensor_bytes", e.backend->peak()},
                    {"limit_bytes", limits.bytes()},
                    {"startup_seconds", startup},
                    {"parts_ms", watch.parts()}};
  if (const std::string replay = e.trainer->passes().replay(); !replay.empty())
    arm["graph"] = replay;
  // With a device, its memory is reported instead of the host's.
  if (e.backend->name() != "cpu") arm["peak_bytes"] = e.backend->peak();
  return arm.dump();
}

void print_table(const SortedJson& document) {
  std::cout << document["device"].get<std::string>() << "\n\n";
  std::size_t width = 3;
  for (const SortedJson& arm : document["arms"])
    width = std::max(width, arm["arm"].get<std::string>().size());
  std::cout << fmt::format("{:<{}}  {:>8} {:>17}  {:>9}  {:>8}  {:>6}  {:>8}  {:>9}  {:>8}", "arm",
                           width, "step ms", "quartiles", "tokens/s", "GF/s", "% GEMM", "GEMM",
                           "copy GB/s", "peak MB");
  for (std::size_t i = 0; i < kParts; ++i)
    std::cout << fmt::format("  {:>9}", to_string(static_cast<Part>((i + 1) % kParts)));
  std::cout << fmt::format("\n");
  for (const SortedJson& arm : document["arms"]) {
    const SortedJson& step = arm["step_ms"];
    std::cout << fmt::format(
        "{:<{}}  {:>8.2f} {:>17}  {:>9.0f}  {:>8.1f}  {:>6.1f}  {:>8.1f}  {:>9.1f}  {:>8.1f}",
        arm["arm"].get<std::string>(), width, step["median"].get<double>(),
        fmt::format("{:.2f} .. {:.2f}", step["lower_quartile"].get<double>(),
                    step["upper_quartile"].get<double>()),
        arm["tokens_per_second"].get<double>(), arm["gflops"].get<double>(),
        100 * arm["share_of_gemm"].get<double>(), arm["gemm_gflops_compute"].get<double>(),
        arm["copy_gb_per_second"].get<double>(), arm["peak_bytes"].get<double>() / 1e6);
    for (std::size_t i = 0; i < kParts; ++i)
      std::cout << fmt::format(
          "  {:>9.2f}",
          arm["parts_ms"][to_string(static_cast<Part>((i + 1) % kParts))].get<double>());
    std::cout << fmt::format("\n");
  }
  std::cout << fmt::format(
      "\nGF/s: useful work (three times the forward pass, unmasked half of causal attention). % "
      "GEMM: share of GEMM, the rate of large\nproducts in the arm's run.compute, with rounding of "
      "factors, measured next to every step. copy: of large arrays, read and\nwritten. peak MB: "
      "resident memory of the arm's process; on a device, the peak of its tensors there. "
      "Last columns: ms\nof a step; on a device that replays steps, of the last quarter, which is "
      "not replayed.\n");
}

}  // namespace

Arguments bench_arguments() {
  Arguments arguments(
      "bench [CONFIG] [key=value ...]",
      std::string("Times a training step of every arm of CONFIG (") + kDefaultConfig +
          " by default): median and quartiles, useful work per second and its share of the rate "
          "of large products measured next to it, the rate of copies, memory, and time by "
          "part. Every arm runs in its own process; nothing is written. With --serve, times "
          "generation with the model of a run instead.");
  arguments.list("arm", kArmHelp)
      .value("threads", "0", "threads; 0: OMP_NUM_THREADS, otherwise all cores")
      .value("warmup", "3", "steps before the measured ones")
      .value("steps", "20", "measured steps")
      .flag("json", "print one JSON document");
  add_serve_arguments(arguments);
  return arguments;
}

int bench_command(const Words& words) {
  Arguments arguments = bench_arguments();
  if (!arguments.parse(words)) return 0;
  check_serve_arguments(arguments);
  if (arguments.has("serve")) return serve_bench(arguments);
  const Size size{arguments.integer("warmup", 0, 1000000), arguments.integer("steps", 1, 1000000),
                  chosen_threads(arguments.integer("threads", 0, kMostThreads))};
  Words rest = arguments.rest();
  if (rest.empty() || rest.front().find('=') != std::string::npos)
    rest.insert(rest.begin(), kDefaultConfig);
  std::vector<RunSpec> specs;
  std::vector<std::string> notes;
  for (RunSpec& spec : expand(read_user_config(rest.front()),
                              {{rest.begin() + 1, rest.end()}, arms_of(arguments)}, &notes)) {
    const auto same = [&](const RunSpec& other) { return other.label == spec.label; };
    // Measure one seed per arm: all cost the same.
    if (std::none_of(specs.begin(), specs.end(), same)) specs.push_back(std::move(spec));
  }
  for (const std::string& note : notes) std::cerr << "note: " << note << '\n';
  in_child("reads the settings", [&] { return check_all(specs, size); });

  SortedJson document = {{"version", version()},
                         {"build", build_description()},
                         {"arms", SortedJson::array()},
                         {"failed", SortedJson::array()}};
  Exit worst = Exit::ok;
  for (const RunSpec& spec : specs) {
    try {
      const ChildResult child = in_child("is timed", [&] { return bench_arm(spec, size); });
      SortedJson arm = SortedJson::parse(child.text);
      if (!arm.contains("peak_bytes"))
        arm["peak_bytes"] = child.peak_bytes - arm["limit_bytes"].get<std::size_t>();
      std::cerr << fmt::format("{}: {:.1f} ms", spec.label, arm["step_ms"]["median"].get<double>());
      if (arm.contains("graph")) std::cerr << ", graph: " << arm["graph"].get<std::string>();
      std::cerr << '\n';
      document["device"] = arm["device"];
      document["threads"] = arm["threads"];
      document["arms"].push_back(std::move(arm));
    } catch (const Error& error) {
      std::cerr << "moesim: " << spec.label << ": " << error.what() << '\n';
      document["failed"].push_back({{"arm", spec.label}, {"error", error.what()}});
      worst = error.code();
    }
  }
  if (arguments.has("json"))
    std::cout << document.dump(2) << '\n';
  else if (!document["arms"].empty())
    print_table(document);
  return static_cast<int>(worst);
}

}  // namespace moesim
