// Defines what the tables of `moesim analyze` and `whatif` share: files, columns, labels of tokens, numbers of shuffles.
#pragma once

#include "analysis/traces/analyses.hpp"
#include "analysis/traces/shuffles.hpp"
#include "analysis/traces/trace.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// Calls use() with the traces of every file; a file without assignments, or of which use() throws
// NoAssignments, becomes a note. Throws NoAssignments if that is so of all files.
// step: only traces of this step.
void each_traced_run(const Paths& paths, Table& table, std::optional<std::int64_t> step,
                     const std::function<void(TracedRun&)>& use);
// Opens all of them.
std::vector<std::unique_ptr<TracedRun>> traced_runs(const Paths& paths, Table& table,
                                                    std::optional<std::int64_t> step);

// A table of this name whose first columns are the run and the layer.
Table trace_table(const std::string& name, const std::vector<Column>& columns);
Column text_column(const char* key, const char* title);
Column count_column(const char* key, const char* title);
Column real_column(const char* key, const char* title, int decimals = 4);
Column interval_column(const char* key, const char* title, int decimals = 4);
std::string name_of_run(const TracedRun& run);
void add_note(Table& table, const std::string& note);  // once

// TokenLabels is a quantity that a token's expert may depend on.
struct TokenLabels {
  std::string name;                 // "domain", "token", "previous", "position"
  std::vector<std::int32_t> label;  // of every token of every trace of the file; -1: none
  std::vector<std::string> names;   // of the labels
  std::size_t labels() const { return names.size(); }
};

// Those that a file has, of `wanted` or, if that is empty, of all.
std::vector<std::string> label_kinds(TracedRun& run, const std::string& wanted);
TokenLabels token_labels(TracedRun& run, const std::string& kind, std::size_t bins);

// The number of shuffles: --permutations, else 200, and fewer where `assignments` · tables are many,
// so that all take some ten seconds; at least 3.
Shuffles shuffles_for(const AnalyzeOptions& options, double assignments, std::uint32_t key);
// Cells of a baseline: mean, 95 % interval, p, number of shuffles.
std::vector<Column> baseline_columns(const char* of, int decimals = 4);
void add_baseline(std::vector<Cell>& row, const Baseline& baseline, std::size_t shuffles);

}  // namespace moesim
