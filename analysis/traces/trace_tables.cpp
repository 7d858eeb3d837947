#include "analysis/traces/trace_tables.hpp"

#include "analysis/traces/repetition.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

constexpr double kUsualShuffles = 200, kFewestShuffles = 3;
constexpr double kShuffledAssignments = 5e8;  // of all shuffles of all tables of a file

std::vector<std::int32_t> ids_of_all(TracedRun& run) {
  std::vector<std::int32_t> all;
  for (std::size_t trace = 0; trace < run.traces(); ++trace) {
    const std::vector<std::int32_t> ids = run.token_ids(trace);
    all.insert(all.end(), ids.begin(), ids.end());
  }
  return all;
}

// Numbers the ids that occur; -1 stays.
void number_labels(TokenLabels& labels) {
  std::vector<std::int32_t> known = labels.label;
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  known.erase(known.begin(), std::lower_bound(known.begin(), known.end(), 0));
  for (std::int32_t& label : labels.label)
    if (label >= 0)
      label = static_cast<std::int32_t>(std::lower_bound(known.begin(), known.end(), label) -
                                        known.begin());
  labels.names.reserve(known.size());
  for (const std::int32_t id : known) labels.names.push_back(std::to_string(id));
}

void label_domains(TracedRun& run, TokenLabels& labels) {
  for (std::size_t trace = 0; trace < run.traces(); ++trace) {
    const std::vector<std::int32_t> of = run.domains(trace);
    labels.label.insert(labels.label.end(), of.begin(), of.end());
  }
  number_labels(labels);
  const std::vector<std::string> known = run.domain_names();
  for (std::string& name : labels.names) {
    const auto number = static_cast<std::size_t>(std::stoul(name));
    if (number < known.size()) name = known[number];
  }
}

void label_positions(const TracedRun& run, std::size_t bins, TokenLabels& labels) {
  const std::int64_t length = run.length();
  const std::int64_t count = std::min(static_cast<std::int64_t>(bins), length);
  labels.label.reserve(run.traces() * static_cast<std::size_t>(run.tokens()));
  for (std::size_t trace = 0; trace < run.traces(); ++trace)
    for (std::int64_t t = 0; t < run.tokens(); ++t)
      labels.label.push_back(static_cast<std::int32_t>(t % length * count / length));
  for (std::int64_t bin = 0; bin < count; ++bin) {
    const std::int64_t first = (bin * length + count - 1) / count;
    const std::int64_t last = ((bin + 1) * length + count - 1) / count - 1;
    labels.names.push_back(first == last ? std::to_string(first)
                                         : fmt::format("{}-{}", first, last));
  }
}

void label_previous(const TracedRun& run, TokenLabels& labels) {
  std::vector<std::int32_t>& label = labels.label;
  for (std::size_t t = label.size(); t-- > 0;)
    label[t] = begins_sequence(t, run.length(), run.tokens()) ? -1 : label[t - 1];
}

using Opened = std::unique_ptr<TracedRun>;

// each_traced_run, for callers that keep the traces.
void open_each(const Paths& paths, Table& table, std::optional<std::int64_t> step,
               const std::function<void(Opened)>& take) {
  bool used = false;
  std::string first;
  for (const std::string& path : find_runs(paths)) try {
      take(std::make_unique<TracedRun>(path, step));
      used = true;
    } catch (const NoAssignments& none) {
      if (first.empty()) first = none.what();
      add_note(table, std::string("left out: ") + none.what());
    }
  if (!used) throw NoAssignments(first);
}

}  // namespace

void each_traced_run(const Paths& paths, Table& table, std::optional<std::int64_t> step,
                     const std::function<void(TracedRun&)>& use) {
  open_each(paths, table, step, [&](Opened run) { use(*run); });
}

std::vector<std::unique_ptr<TracedRun>> traced_runs(const Paths& paths, Table& table,
                                                    std::optional<std::int64_t> step) {
  std::vector<Opened> runs;
  open_each(paths, table, step, [&](Opened run) { runs.push_back(std::move(run)); });
  return runs;
}

Table trace_table(const std::string& name, const std::vector<Column>& columns) {
  Table table;
  table.name = name;
  table.columns = {text_column("run", "run"), text_column("layer", "layer")};
  table.columns.insert(table.columns.end(), columns.begin(), columns.end());
  return table;
}

Column text_column(const char* key, const char* title) { return {key, title, Column::Kind::text}; }

Column count_column(const char* key, const char* title) {
  return {key, title, Column::Kind::count};
}

Column real_column(const char* key, const char* title, int decimals) {
  return {key, title, Column::Kind::number, decimals};
}

Column interval_column(const char* key, const char* title, int decimals) {
  return {key, title, Column::Kind::interval, decimals};
}

std::string name_of_run(const TracedRun& run) {
  const std::string id = run.run().file.text("run_id");
  return id.empty() ? run.run().path : id;
}

void add_note(Table& table, const std::string& note) {
  if (std::find(table.notes.begin(), table.notes.end(), note) == table.notes.end())
    table.notes.push_back(note);
}

std::vector<std::string> label_kinds(TracedRun& run, const std::string& wanted) {
  const bool ids = !run.token_ids(0).empty(), domains = !run.domains(0).empty();
  std::vector<std::string> kinds;
  for (const char* kind : {"domain", "token", "previous", "position"}) {
    if (!wanted.empty() && wanted != kind) continue;
    const std::string name = kind;
    const bool has = name == "position" || (name == "domain" ? domains : ids);
    if (has)
      kinds.push_back(name);
    else if (!wanted.empty())
      fail(Exit::data,
           run.run().path + ": its data have no " + (name == "domain" ? "domains" : "token ids"));
  }
  return kinds;
}

TokenLabels token_labels(TracedRun& run, const std::string& kind, std::size_t bins) {
  TokenLabels labels;
  labels.name = kind;
  if (kind == "domain") label_domains(run, labels);
  if (kind == "position") label_positions(run, bins, labels);
  if (kind == "token" || kind == "previous") {
    labels.label = ids_of_all(run);
    if (kind == "previous") label_previous(run, labels);
    number_labels(labels);
  }
  return labels;
}

Shuffles shuffles_for(const AnalyzeOptions& options, double assignments, std::uint32_t key) {
  if (options.permutations) return {*options.permutations, key};
  const double most = kShuffledAssignments / std::max(assignments, 1.0);
  return {static_cast<std::size_t>(std::clamp(most, kFewestShuffles, kUsualShuffles)), key};
}

std::vector<Column> baseline_columns(const char* of, int decimals) {
  return {real_column("chance", of, decimals), interval_column("chance_interval", "95 %", decimals),
          real_column("p", "p"), count_column("permutations", "permutations")};
}

void add_baseline(std::vector<Cell>& row, const Baseline& baseline, std::size_t shuffles) {
  row.insert(row.end(),
             {baseline.mean, baseline.interval, baseline.p, static_cast<double>(shuffles)});
}

}  // namespace moesim
