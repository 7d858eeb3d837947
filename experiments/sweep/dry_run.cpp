#include "experiments/sweep/dry_run.hpp"

#include "analysis/render/table.hpp"
#include "experiments/sweep/devices.hpp"
#include "experiments/sweep/estimate.hpp"
#include "experiments/sweep/resources.hpp"
#include "experiments/sweep/run_config.hpp"
#include "experiments/sweep/train_run.hpp"
#include "experiments/terminal/progress_line.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <optional>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

struct Arm {
  const PlannedRun* run = nullptr;   // the first of its seeds
  std::size_t seeds = 0, left = 0;   // number of seeds; of incomplete ones
  std::vector<std::size_t> numbers;  // of its runs, for --only
  std::string device;
  std::optional<Estimate> estimate;
  std::string unknown;  // why there is no estimate: its device is missing
};

struct Total {
  std::size_t runs = 0, left = 0, estimated = 0;
  double seconds = 0, memory = 0, disk = 0;  // of the incomplete runs with an estimate
  double memory_available = 0, disk_free = 0;
};

struct Survey {
  std::vector<Arm> arms;
  std::vector<std::size_t> arm_of;  // by run
  std::vector<bool> complete;       // by run
  std::vector<double> rest;         // by run: remaining share of its steps
  Total total;
};

Survey survey(const Plan& plan, const std::string& folder, const DryRun& options) {
  Survey s;
  RunReader reader;
  for (const PlannedRun& run : plan.runs) {
    const RunState state = state_of(folder + "/" + run.folder, reader);
    const bool done = !options.force && is_finished(state, run);
    const bool begun = !options.force && state.state != State::planned;
    index there = begun ? state.step : 0;
    if (!begun && !run.extends.empty()) there = state_of(folder + "/" + run.extends, reader).step;
    s.rest.push_back(1 - static_cast<double>(there) / static_cast<double>(run.steps));
    const auto arm = std::find_if(s.arms.begin(), s.arms.end(), [&](const Arm& other) {
      return other.run->spec.label == run.spec.label;
    });
    s.arm_of.push_back(static_cast<std::size_t>(arm - s.arms.begin()));
    if (arm == s.arms.end()) s.arms.push_back({&run, 0, 0, {}, device_of(run.spec), {}, ""});
    ++s.arms[s.arm_of.back()].seeds;
    s.arms[s.arm_of.back()].numbers.push_back(options.first + s.arm_of.size());
    if (!done) ++s.arms[s.arm_of.back()].left;
    s.complete.push_back(done);
  }
  std::map<std::string, std::string> missing;  // device -> why it is missing
  DataCache data;
  for (Arm& arm : s.arms) {
    if (options.trial_seconds <= 0 || arm.left == 0) continue;
    if (!missing.contains(arm.device)) missing[arm.device] = why_missing(arm.device);
    arm.unknown = missing[arm.device];
    if (!arm.unknown.empty()) continue;
    std::cerr << "trying " << arm.run->spec.label << '\n';
    try {
      arm.estimate =
          estimate_run(arm.run->spec, options.threads, options.trial_seconds,
                       std::min(options.at_once, plan.runs.size()), data, arm.run->least_bytes);
    } catch (const Error& error) {
      if (error.code() != Exit::diverged) throw;
      std::cerr << "warning: no estimate: " << error.what() << '\n';
    }
  }
  s.total.runs = plan.runs.size();
  std::vector<double> seconds, memory;
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    if (s.complete[i]) continue;
    ++s.total.left;
    if (const auto& estimate = s.arms[s.arm_of[i]].estimate) {
      ++s.total.estimated;
      seconds.push_back(estimate->seconds * s.rest[i]);
      memory.push_back(estimate->memory);
      s.total.disk += estimate->disk;
    }
  }
  s.total.seconds = schedule(seconds, options.at_once);
  std::sort(memory.rbegin(), memory.rend());
  for (std::size_t i = 0; i < std::min(memory.size(), options.at_once); ++i)
    s.total.memory += memory[i];
  s.total.memory_available = available_memory();
  s.total.disk_free = free_disk(folder);
  return s;
}

// Formats ascending numbers: "1-3, 7".
std::string ranges(const std::vector<std::size_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", numbers[i]);
    if (end - i > 1) text += fmt::format("-{}", numbers[end - 1]);
    i = end;
  }
  return text;
}

void print_json(const Plan& plan, const std::string& folder, std::size_t first, const Survey& s) {
  Json document = {{"runs", Json::array()}, {"arms", Json::array()}};
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const PlannedRun& run = plan.runs[i];
    document["runs"].push_back({{"number", first + i + 1},
                                {"arm", run.spec.label},
                                {"seed", run.seed},
                                {"folder", folder + "/" + run.folder},
                                {"complete", static_cast<bool>(s.complete[i])}});
    if (!run.extends.empty()) document["runs"].back()["extends"] = folder + "/" + run.extends;
  }
  for (const Arm& arm : s.arms) {
    Json json = {{"arm", arm.run->spec.label},
                 {"seeds", arm.seeds},
                 {"left", arm.left},
                 {"parameters_total", arm.run->parameters_total},
                 {"parameters_active", arm.run->parameters_active},
                 {"flops_per_token", arm.run->flops_per_token},
                 {"expert_hidden", arm.run->hidden},
                 {"device", arm.device},
                 {"least_bytes", arm.run->least_bytes}};
    if (!arm.unknown.empty()) json["unknown"] = arm.unknown;
    if (arm.estimate) {
      json["step_seconds"] = arm.estimate->step_seconds;
      json["run_seconds"] = arm.estimate->seconds;
      json["memory_bytes"] = arm.estimate->memory;
      json["device_bytes"] = arm.estimate->device;
      json["disk_bytes"] = arm.estimate->disk;
    }
    document["arms"].push_back(std::move(json));
  }
  document["total"] = {
      {"runs", s.total.runs},           {"left", s.total.left},
      {"estimated", s.total.estimated}, {"seconds", s.total.seconds},
      {"memory_bytes", s.total.memory}, {"memory_available_bytes", s.total.memory_available},
      {"disk_bytes", s.total.disk},     {"disk_free_bytes", s.total.disk_free}};
  std::cout << document.dump(2) << '\n';
}

void print_text(const Survey& s, const DryRun& options) {
  using Kind = Column::Kind;
  Table table;
  table.columns = {{"arm", "arm", Kind::text},
                   {"runs", "runs", Kind::text},
                   {"seeds", "seeds", Kind::count},
                   {"left", "to do", Kind::count},
                   {"hidden", "expert hidden", Kind::count},
                   {"parameters", "parameters", Kind::count},
                   {"active", "active", Kind::count},
                   {"flops", "FLOPs/token", Kind::count},
                   {"step", "step ms", Kind::number, 2},
                   {"memory", "memory MB", Kind::number, 0},
                   {"device", "device MB", Kind::number, 0},
                   {"disk", "disk MB", Kind::number, 1},
                   {"time", "s a run", Kind::number, 1}};
  for (const Arm& arm : s.arms) {
    const auto number = [](auto value) { return Cell(static_cast<double>(value)); };
    std::vector<Cell> row = {arm.run->spec.label,
                             ranges(arm.numbers),
                             number(arm.seeds),
                             number(arm.left),
                             number(arm.run->hidden),
                             number(arm.run->parameters_total),
                             number(arm.run->parameters_active),
                             number(arm.run->flops_per_token)};
    if (arm.estimate)
      row.insert(row.end(), {1e3 * arm.estimate->step_seconds, 1e-6 * arm.estimate->memory,
                             arm.estimate->device > 0 ? Cell(1e-6 * arm.estimate->device) : Cell(),
                             1e-6 * arm.estimate->disk, arm.estimate->seconds});
    if (!arm.unknown.empty()) {
      const std::string note = "unknown here: " + arm.unknown;
      if (std::find(table.notes.begin(), table.notes.end(), note) == table.notes.end())
        table.notes.push_back(note);
      const std::string least = fmt::format("at least {:.0f}", 1e-6 * arm.run->least_bytes);
      row.insert(row.end(), {"unknown", "unknown", least, "unknown", "unknown"});
    }
    row.resize(table.columns.size());
    table.rows.push_back(std::move(row));
  }
  std::cout << render(table, TableFormat::text) << '\n'
            << fmt::format("{}, {} to do", counted(s.total.runs, "run"), s.total.left);
  if (s.total.estimated > 0 && s.total.estimated < s.total.left)
    std::cout << fmt::format("; of {} of them", s.total.estimated);
  if (s.total.estimated > 0)
    std::cout << fmt::format(
        ": about {} with {} at once, {} of memory ({} available), {} of disk "
        "({} free)",
        duration(s.total.seconds), options.at_once, readable_bytes(s.total.memory),
        s.total.memory_available > 0 ? readable_bytes(s.total.memory_available) : "unknown",
        readable_bytes(s.total.disk), readable_bytes(s.total.disk_free));
  std::cout << '\n';
}

}  // namespace

void print_dry_run(const Plan& plan, const std::string& folder, const DryRun& options) {
  const Survey s = survey(plan, folder, options);
  if (options.json)
    print_json(plan, folder, options.first, s);
  else
    print_text(s, options);
  if (s.total.memory_available > 0 && s.total.memory > s.total.memory_available)
    std::cerr << "warning: more memory than is available; run fewer at once (--jobs)\n";
  if (s.total.disk_free > 0 && s.total.disk > s.total.disk_free)
    std::cerr << "warning: more disk than is free; choose another --out\n";
}

}  // namespace moesim
