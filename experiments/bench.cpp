// moesim bench: what a training step costs, where its time goes, and how near it is to the limit.
#include "experiments/arguments.hpp"
#include "experiments/child.hpp"
#include "experiments/commands.hpp"
#include "experiments/experiment.hpp"
#include "experiments/version.hpp"
#include "sim/config/reader.hpp"
#include "sim/core/error.hpp"
#include "sim/core/profile.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <numeric>

namespace moesim {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kDefaultConfig = "experiments/bench.ini";

// Linear interpolation between order statistics.
double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

// Takes the profile after every step, warm-up apart.
class Stopwatch : public Hook {
 public:
  Stopwatch(Profile& profile, index warmup) : profile_(profile), warmup_(warmup) {}

  void on_step(const StepReport& report) override {
    const std::array<double, kParts> parts = profile_.take();
    if (report.step < warmup_) return;
    steps_.push_back(std::accumulate(parts.begin(), parts.end(), 0.0));
    for (std::size_t i = 0; i < kParts; ++i) parts_[i] += parts[i];
  }

  const std::vector<double>& steps() const { return steps_; }
  // Milliseconds of a step by part, the mean over the steps: recording is not in every step.
  Json parts() const {
    Json all;
    for (std::size_t i = 0; i < kParts; ++i)
      all[to_string(static_cast<Part>(i))] = 1e3 * parts_[i] / static_cast<double>(steps_.size());
    return all;
  }

 private:
  Profile& profile_;
  index warmup_;
  std::vector<double> steps_;
  std::array<double, kParts> parts_{};
};

// The best rate of large square products, in FLOP/s: the limit of everything else.
double gemm_peak(const std::string& device, int threads) {
  constexpr index kSize = 1024;
  constexpr int kRepeats = 12;
  const std::unique_ptr<Backend> backend = make_backend(device, threads);
  const Tensor a = Tensor::full({2 * kSize, kSize}, 1, *backend);
  const Tensor b = Tensor::full({kSize, kSize}, 1, *backend);
  const Tensor c = Tensor::zeros({2 * kSize, kSize}, *backend);
  Product p;
  p.m = 2 * kSize, p.n = p.k = kSize;
  p.a = a.data(), p.lda = kSize, p.b = b.data(), p.ldb = kSize, p.c = c.data(), p.ldc = kSize;
  double best = 0;
  for (int i = 0; i < kRepeats; ++i) {
    const Clock::time_point begin = Clock::now();
    backend->product(p);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    best = std::max(best, 4e0 * kSize * kSize * kSize / seconds);
  }
  return best;
}

double measured_peak(const std::string& device, int threads) {
  return Json::parse(in_child([&] { return Json(gemm_peak(device, threads)).dump(); }).text)
      .get<double>();
}

struct Size {
  index warmup, steps;
  int threads;
};

// One arm, in a child: label, time of a step, parts, rates.
std::string bench_arm(RunSpec spec, const Size& size) {
  const Clock::time_point begin = Clock::now();
  spec.settings.set("run.steps", std::to_string(size.warmup + size.steps), "moesim bench --steps");
  spec.settings.set("eval.every", "0", "moesim bench");
  spec.settings.set("eval.batches", "1", "moesim bench");
  DataCache cache;
  Experiment e = build(std::move(spec), "", size.threads, cache);
  e.trainer->start();
  const double startup = std::chrono::duration<double>(Clock::now() - begin).count();

  Profile profile;
  const Profile::Scope scope(profile);
  Stopwatch watch(profile, size.warmup);
  e.trainer->run({e.recorder.get(), &watch});

  const double median = quantile(watch.steps(), 0.5);
  const auto tokens = static_cast<double>(std::stoll(e.spec.settings.effective("train.batch")) *
                                          e.data->info().length);
  return Json{{"arm", e.spec.label},
              {"router", e.model->router_name()},
              {"device", e.backend->name() + ": " + e.backend->description()},
              {"threads", e.backend->threads()},
              {"step_ms",
               {{"median", 1e3 * median},
                {"lower_quartile", 1e3 * quantile(watch.steps(), 0.25)},
                {"upper_quartile", 1e3 * quantile(watch.steps(), 0.75)}}},
              {"tokens_per_second", tokens / median},
              {"flops_per_token", e.model->flops_per_token()},
              {"gflops", 1e-9 * tokens * e.model->flops_per_token() / median},
              {"tensor_bytes", e.backend->peak()},
              {"startup_seconds", startup},
              {"parts_ms", watch.parts()}}
      .dump();
}

void print_table(const Json& document) {
  std::cout << document["device"].get<std::string>() << "\n\n";
  std::size_t width = 3;
  for (const Json& arm : document["arms"])
    width = std::max(width, arm["arm"].get<std::string>().size());
  fmt::print("{:<{}}  {:>8} {:>17}  {:>9}  {:>6}  {:>6}  {:>7}", "arm", width, "step ms",
             "quartiles", "tokens/s", "GF/s", "% peak", "peak MB");
  for (std::size_t i = 0; i < kParts; ++i)
    fmt::print("  {:>9}", to_string(static_cast<Part>((i + 1) % kParts)));
  fmt::print("\n");
  for (const Json& arm : document["arms"]) {
    const Json& step = arm["step_ms"];
    fmt::print("{:<{}}  {:>8.2f} {:>17}  {:>9.0f}  {:>6.1f}  {:>6.1f}  {:>7.1f}",
               arm["arm"].get<std::string>(), width, step["median"].get<double>(),
               fmt::format("{:.2f} .. {:.2f}", step["lower_quartile"].get<double>(),
                           step["upper_quartile"].get<double>()),
               arm["tokens_per_second"].get<double>(), arm["gflops"].get<double>(),
               100 * arm["share_of_peak"].get<double>(), arm["peak_bytes"].get<double>() / 1e6);
    for (std::size_t i = 0; i < kParts; ++i)
      fmt::print("  {:>9.2f}",
                 arm["parts_ms"][to_string(static_cast<Part>((i + 1) % kParts))].get<double>());
    fmt::print("\n");
  }
  fmt::print(
      "\nGF/s: useful work (three times the forward pass, unmasked half of causal attention). "
      "% peak: of the rate of large\nmatrix products beside the arm, {:.1f} GF/s at best. peak MB: "
      "resident memory of the process. Last columns: ms of a step.\n",
      document["gemm_peak_gflops"].get<double>());
}

}  // namespace

int bench_command(const Words& words) {
  Arguments arguments(
      "bench [CONFIG] [key=value ...]",
      std::string("Times a training step of every arm of CONFIG (") + kDefaultConfig +
          " without one): median and quartiles, useful work per second and its share of the rate "
          "of large matrix products measured beside it, memory, and where the time goes. Every "
          "arm runs in a process of its own; nothing is written.");
  arguments.value("threads", "0", "threads; 0: as OMP_NUM_THREADS says, else all cores")
      .value("warmup", "3", "steps before the measured ones")
      .value("steps", "20", "measured steps")
      .flag("json", "print one JSON document");
  if (!arguments.parse(words)) return 0;
  const Size size{arguments.integer("warmup", 0, 1000000), arguments.integer("steps", 1, 1000000),
                  static_cast<int>(arguments.integer("threads", 0, 1024))};
  Words rest = arguments.rest();
  if (rest.empty() || rest.front().find('=') != std::string::npos) {
    if (!std::filesystem::exists(kDefaultConfig))
      fail(Exit::usage, std::string("command line: no ") + kDefaultConfig +
                            " here; name a config: moesim bench CONFIG [key=value ...]");
    rest.insert(rest.begin(), kDefaultConfig);
  }
  const std::vector<RunSpec> specs =
      expand(read_config(rest.front()), {rest.begin() + 1, rest.end()});

  Json document = {{"version", version()}, {"build", build_description()}, {"arms", Json::array()}};
  double best = 0, before = 0;
  for (const RunSpec& spec : specs) {
    const auto device = spec.settings.values().find("run.device");
    const std::string name = device == spec.settings.values().end() ? "cpu" : device->second.value;
    if (before == 0) before = measured_peak(name, size.threads);
    std::cerr << spec.label << " ..." << std::flush;
    const ChildResult child = in_child([&] { return bench_arm(spec, size); });
    const double after = measured_peak(name, size.threads);
    Json arm = Json::parse(child.text);
    std::cerr << fmt::format(" {:.1f} ms\n", arm["step_ms"]["median"].get<double>());
    const double peak = 1e-9 * std::max(before, after);
    arm["gemm_peak_gflops"] = peak;
    arm["share_of_peak"] = arm["gflops"].get<double>() / peak;
    arm["peak_bytes"] = child.peak_bytes;
    document["device"] = arm["device"];
    document["threads"] = arm["threads"];
    document["arms"].push_back(std::move(arm));
    best = std::max(best, peak);
    before = after;
  }
  document["gemm_peak_gflops"] = best;
  if (arguments.has("json"))
    std::cout << document.dump(2) << '\n';
  else
    print_table(document);
  return 0;
}

}  // namespace moesim
