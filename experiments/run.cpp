// moesim run: one run or a whole sweep, one after another.
#include "analysis/compare.hpp"
#include "experiments/arguments.hpp"
#include "experiments/commands.hpp"
#include "experiments/experiment.hpp"
#include "experiments/progress.hpp"
#include "sim/config/reader.hpp"
#include "sim/core/error.hpp"
#include "sim/train/probe.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace moesim {
namespace {

namespace fs = std::filesystem;

// A folder that can be written to, or Exit::output before anything was trained, and nothing left
// behind.
void require_writable(const std::string& folder) {
  std::vector<fs::path> created;  // innermost last
  std::error_code error;
  for (fs::path path = fs::absolute(folder).lexically_normal();
       !fs::exists(path, error) && !error && path.has_relative_path(); path = path.parent_path())
    created.insert(created.begin(), path);
  fs::create_directories(folder, error);
  const std::string probe = folder + "/.write-test";
  if (!error) {
    std::ofstream file(probe);
    file << "moesim\n";
    file.close();
    if (file.fail()) error = std::error_code(errno, std::generic_category());
    std::error_code ignored;
    fs::remove(probe, ignored);
  }
  if (!error) return;
  std::error_code ignored;
  for (auto path = created.rbegin(); path != created.rend(); ++path) fs::remove(*path, ignored);
  fail(Exit::output, folder + ": cannot write: " + error.message() + "; choose another --out");
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (file.fail())
    fail(Exit::output, path + ": cannot write: " + std::generic_category().message(errno));
}

// Is there a complete run of the same config and data?
bool is_complete(const std::string& path, const Identity& identity) {
  std::error_code error;
  if (!fs::exists(path, error)) return false;
  try {
    const RunFile file = read_run_file(path);
    const auto is = [&](const char* name, const std::string& value) {
      const auto found = file.attributes().find(name);
      return found != file.attributes().end() &&
             std::holds_alternative<std::string>(found->second) &&
             std::get<std::string>(found->second) == value;
    };
    return is("status", "complete") && is("config_sha256", identity.config_sha256) &&
           is("data_sha256", identity.data_sha256);
  } catch (const Error&) {
    return false;  // damaged: train it again
  }
}

struct Ending {
  std::string folder, status;
  Exit code = Exit::ok;
};

double median_rate(const RunFile& file) {
  std::vector<double> seconds = file.find("seconds")->values;
  const std::vector<double>& tokens = file.find("tokens")->values;
  if (seconds.empty()) return 0;
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return tokens.back() / static_cast<double>(tokens.size()) / *middle;
}

Ending train(Experiment e, const std::string& folder, std::size_t number, std::size_t total) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(Exit::output, folder + ": cannot create: " + error.message());
  write_text(folder + "/config.ini", e.identity.resolved);
  Progress progress(e.spec.label + " seed " + std::to_string(e.identity.seed), number, total,
                    folder + "/log.txt");
  Ending ending{folder, "complete", Exit::ok};
  try {
    e.trainer->start();
    e.trainer->run({&progress, e.recorder.get()});
    if (e.task->shape().causal)  // elsewhere there is no future to see
      e.recorder->file().attribute(
          "leak", future_leak(*e.model, *e.task, *e.data, Trainer::micro_batch(e.spec.settings),
                              *e.backend));
    e.recorder->publish("complete");
    progress.finish(fmt::format("complete, {:.0f} tokens/s", median_rate(e.recorder->file())));
  } catch (const Error& stopped) {
    if (stopped.code() != Exit::diverged) throw;
    e.recorder->publish("diverged");
    progress.finish(stopped.what());
    ending = {folder, "diverged", Exit::diverged};
  }
  return ending;
}

struct Plan {
  std::string label, folder;
  std::uint64_t seed;
  index parameters;
  double active, flops;
  bool done;
};

void print_plan(const std::vector<Plan>& plans, bool json) {
  if (json) {
    nlohmann::json list = nlohmann::json::array();
    for (const Plan& p : plans)
      list.push_back({{"arm", p.label},
                      {"seed", p.seed},
                      {"folder", p.folder},
                      {"parameters_total", p.parameters},
                      {"parameters_active", p.active},
                      {"flops_per_token", p.flops},
                      {"complete", p.done}});
    std::cout << list.dump(2) << '\n';
    return;
  }
  std::size_t width = 3;
  for (const Plan& p : plans) width = std::max(width, p.label.size());
  fmt::print("{:<{}}  {:>6}  {:>12}  {:>12}  {:>12}  {}\n", "arm", width, "seed", "parameters",
             "active", "FLOP/token", "status");
  for (const Plan& p : plans)
    fmt::print("{:<{}}  {:>6}  {:>12}  {:>12.0f}  {:>12.4g}  {}\n", p.label, width, p.seed,
               p.parameters, p.active, p.flops, p.done ? "complete" : "to do");
  fmt::print("{} runs\n", plans.size());
}

}  // namespace

int run_command(const Words& words) {
  Arguments arguments(
      "run CONFIG [key=value ...]",
      "Trains the run or the sweep that CONFIG describes and prints a comparison of its arms. A "
      "key given "
      "here replaces the file's; key=a,b makes an axis. Complete runs are skipped.");
  arguments.value("out", "runs", "folder of all experiments")
      .value("threads", "0", "threads per run; 0: as OMP_NUM_THREADS says, else all cores")
      .flag("dry-run", "print the plan and stop")
      .flag("force", "train complete runs again")
      .flag("json", "print one JSON document");
  if (!arguments.parse(words)) return 0;
  if (arguments.rest().empty())
    fail(Exit::usage, "command line: which config? usage: moesim run CONFIG [key=value ...]");
  const std::string out = arguments.text("out");
  if (out.empty()) fail(Exit::usage, "command line: --out is empty; name a folder");
  const auto threads = static_cast<int>(arguments.integer("threads", 0, 1024));

  const ConfigFile config = read_config(arguments.rest().front());
  const Words overrides(arguments.rest().begin() + 1, arguments.rest().end());
  const std::vector<RunSpec> specs = expand(config, overrides);

  // Every run is built once before the first is trained: a mistake in the last one must not cost a
  // night.
  DataCache data;
  std::vector<Plan> plans;
  std::string experiment;
  for (const RunSpec& spec : specs) {
    const Experiment e = build(spec, out, threads, data);
    experiment = out + "/" + e.identity.experiment;
    const std::string folder = experiment + "/" + e.identity.folder;
    plans.push_back({spec.label, folder, e.identity.seed, count(e.model->parameters()),
                     e.model->active_parameters(), e.model->flops_per_token(),
                     !arguments.has("force") && is_complete(folder + "/run.h5", e.identity)});
  }
  if (arguments.has("dry-run")) {
    print_plan(plans, arguments.has("json"));
    return 0;
  }

  require_writable(experiment);
  std::vector<Ending> endings;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (plans[i].done) {
      endings.push_back({plans[i].folder, "complete", Exit::ok});
      continue;
    }
    endings.push_back(
        train(build(specs[i], out, threads, data), plans[i].folder, i + 1, specs.size()));
  }

  std::vector<std::string> folders;
  Exit worst = Exit::ok;
  for (const Ending& o : endings) {
    folders.push_back(o.folder);
    if (o.code != Exit::ok) worst = o.code;
  }
  std::cout << compare(folders, arguments.has("json") ? Format::json : Format::text, "")
            << std::flush;
  return static_cast<int>(worst);
}

}  // namespace moesim
