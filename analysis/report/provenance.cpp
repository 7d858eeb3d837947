#include "analysis/report/provenance.hpp"

#include "analysis/report/html.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <set>

namespace moesim {
namespace {

struct Fact {
  std::string key, title;
  std::function<std::string(const Record&)> of;  // "": not recorded
};

std::string threads_of(const Record& record) {
  return std::isnan(record.threads) ? "" : fmt::format("{:.0f}", record.threads);
}

const std::vector<Fact>& facts() {
  static const std::vector<Fact> all{
      {"version", "version", [](const Record& r) { return r.version; }},
      {"git", "git revision", [](const Record& r) { return r.git; }},
      {"build", "build", [](const Record& r) { return r.build; }},
      {"device", "device", [](const Record& r) { return r.device; }},
      {"threads", "threads", threads_of},
      {"created_utc", "created (UTC)", [](const Record& r) { return r.created; }},
      {"data_sha256", "SHA-256 of the tokens as read (data_sha256), not of the file",
       [](const Record& r) { return r.data_sha256; }},
      {"config_sha256", "SHA-256 of the config", [](const Record& r) { return r.config_sha256; }}};
  return all;
}

const Record& record_of(const Outcome* run, const std::vector<Outcome>& outcomes,
                        const std::vector<Record>& records) {
  return records[static_cast<std::size_t>(run - outcomes.data())];
}

Cell cell_of(const std::string& text) { return text.empty() ? Cell() : Cell(text); }

}  // namespace

Provenance provenance_of(const std::vector<Arm>& arms, const std::vector<Outcome>& outcomes,
                         const std::vector<Record>& records) {
  Provenance provenance;
  provenance.runs.name = "runs";
  std::vector<const Fact*> different;
  for (const Fact& fact : facts()) {
    std::set<std::string> values;
    for (const Arm& arm : arms)
      for (const Outcome* run : arm.runs) values.insert(fact.of(record_of(run, outcomes, records)));
    if (values.size() != 1)
      different.push_back(&fact);
    else
      provenance.common.emplace_back(fact.title,
                                     values.begin()->empty() ? "not recorded" : *values.begin());
  }
  Table& table = provenance.runs;
  table.columns = {{"arm", "arm"}, {"seed", "seed"}, {"status", "status"}, {"run_id", "run"}};
  for (const Fact* fact : different) table.columns.push_back({fact->key, fact->title});
  for (const Arm& arm : arms)
    for (const Outcome* run : arm.runs) {
      const Record& record = record_of(run, outcomes, records);
      std::vector<Cell> row{arm.name, run->seed ? Cell(std::to_string(*run->seed)) : Cell(),
                            run->status, cell_of(record.run_id)};
      for (const Fact* fact : different) row.push_back(cell_of(fact->of(record)));
      table.rows.push_back(std::move(row));
    }
  return provenance;
}

std::vector<Reproduction> reproductions(const std::vector<Arm>& arms,
                                        const std::vector<Outcome>& outcomes,
                                        const std::vector<Record>& records) {
  std::vector<Reproduction> all;
  html::Names names;
  for (const Arm& arm : arms) {
    Reproduction one{.arm = arm.name,
                     .file = names.unique(arm.name) + ".ini",
                     .config = record_of(arm.runs.front(), outcomes, records).config,
                     .command = ""};
    one.command = "moesim run " + one.file;
    std::vector<std::string> words;
    std::set<std::int64_t> seeds;
    for (const Outcome* run : arm.runs)
      if (run->seed && seeds.insert(*run->seed).second) words.push_back(std::to_string(*run->seed));
    if (!words.empty()) one.command += " run.seed=" + joined(words, ",");
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace moesim
