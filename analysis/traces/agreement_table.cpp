// How many experts two seeds give the same token once their experts are matched.
#include "analysis/traces/overlap.hpp"
#include "analysis/traces/same_tokens.hpp"
#include "analysis/traces/trace_tables.hpp"
#include "sim/config/unknown_choice.hpp"
#include "sim/core/assignment_problem.hpp"

#include <fmt/format.h>

#include <numeric>

namespace moesim {
namespace {

constexpr std::int64_t kMostMatched = 1 << 12;  // experts
constexpr double kMatchingWork = 1e10;          // Σ E³ of the shuffles of all layers of a pair

// The expert of B for each expert of A, so that they have most tokens in common. Counts of tokens are
// exact in double.
std::vector<std::size_t> partners_of(const std::vector<std::int64_t>& common,
                                     std::int64_t experts) {
  const std::vector<double> gains(common.begin(), common.end());
  const std::vector<index> column = best_matching(gains, experts).column_of;
  return {column.begin(), column.end()};
}

std::int64_t common_after(const std::vector<std::int64_t>& common,
                          const std::vector<std::size_t>& partner) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < partner.size(); ++i) sum += common[i * partner.size() + partner[i]];
  return sum;
}

// What matching alone finds in tokens that have nothing in common: tokens of B shuffled, experts
// matched anew.
std::vector<double> shuffled_agreement(const TokenChoices& a, const TokenChoices& b,
                                       const Shuffles& shuffles) {
  std::vector<double> found;
  found.reserve(shuffles.count);
  std::vector<std::int32_t> order(a.tokens());
  for (std::size_t i = 0; i < shuffles.count; ++i) {
    std::iota(order.begin(), order.end(), 0);
    shuffle(order, static_cast<std::uint32_t>(i), shuffles.key);
    const std::vector<std::int64_t> common = common_tokens(a, b, order);
    found.push_back(static_cast<double>(common_after(common, partners_of(common, a.experts))) /
                    static_cast<double>(b.expert.size()));
  }
  return found;
}

Shuffles matched_shuffles(const AnalyzeOptions& options, const TracedRun& run,
                          const TokenChoices& choices, std::uint32_t key) {
  Shuffles shuffles =
      shuffles_for(options, static_cast<double>(choices.expert.size() * run.layers()), key);
  if (options.permutations) return shuffles;
  const auto experts = static_cast<double>(choices.experts);
  const double most =
      kMatchingWork / (experts * experts * experts * static_cast<double>(run.layers()));
  if (most < static_cast<double>(shuffles.count)) shuffles.count = static_cast<std::size_t>(most);
  return shuffles;
}

void add_partners(const TokenChoices& a, const TokenChoices& b,
                  const std::vector<std::int64_t>& common, const std::vector<std::size_t>& partner,
                  const std::vector<Cell>& start, Table& table) {
  const std::vector<double> of_a = a.load(), of_b = b.load();
  for (std::size_t i = 0; i < partner.size(); ++i) {
    const double both = static_cast<double>(common[i * partner.size() + partner[i]]);
    const double either = of_a[i] + of_b[partner[i]] - both;
    std::vector<Cell> row = start;
    row.insert(row.end(), {static_cast<double>(i), static_cast<double>(partner[i]), of_a[i],
                           of_b[partner[i]], both, either > 0 ? both / either : kNone});
    table.rows.push_back(std::move(row));
  }
}

void add_agreement_rows(const TraceAt& a, const TraceAt& b, const AnalyzeOptions& options,
                        Table& table) {
  require_same_shape(*a.run, *b.run);
  if (a.run->experts() > kMostMatched)
    fail(Exit::data, fmt::format("{}: {} experts; at most {} are matched", a.run->run().path,
                                 a.run->experts(), kMostMatched));
  for (std::size_t layer = 0; layer < a.run->layers(); ++layer) {
    const TokenChoices mine = choices_of_trace(*a.run, a.trace, layer);
    const TokenChoices theirs = choices_of_trace(*b.run, b.trace, layer);
    const std::vector<std::int64_t> common = common_tokens(mine, theirs);
    const std::vector<std::size_t> partner = partners_of(common, mine.experts);
    std::vector<Cell> row = {name_of_run(*a.run), std::to_string(a.run->label(layer)),
                             name_of_run(*b.run)};
    if (!options.by.empty()) {
      add_partners(mine, theirs, common, partner, row, table);
      continue;
    }
    const Overlap plain = overlap_of(mine, theirs), matched = overlap_of(mine, theirs, partner);
    const Shuffles shuffles =
        matched_shuffles(options, *a.run, mine, static_cast<std::uint32_t>(layer));
    const std::vector<double> shuffled = shuffled_agreement(mine, theirs, shuffles);
    row.insert(row.end(),
               {matched.tokens, plain.share, plain.chance, matched.share, matched.first});
    add_baseline(row, baseline_of(shuffled, matched.share), shuffles.count);
    table.rows.push_back(std::move(row));
  }
}

std::vector<Column> agreement_columns(bool experts) {
  std::vector<Column> columns = {text_column("other", "and run")};
  std::vector<Column> more =
      experts ? std::vector<Column>{count_column("expert", "expert"),
                                    count_column("partner", "its match"),
                                    count_column("assignments", "assignments"),
                                    count_column("assignments_partner", "of its match"),
                                    count_column("together", "in common"),
                                    real_column("jaccard", "of either")}
              : std::vector<Column>{
                    count_column("tokens", "tokens"), real_column("agreement", "as numbered"),
                    real_column("agreement_chance", "k/E"), real_column("matched", "matched"),
                    real_column("matched_first", "first choice")};
  columns.insert(columns.end(), more.begin(), more.end());
  if (!experts) {
    more = baseline_columns("matched, shuffled");
    columns.insert(columns.end(), more.begin(), more.end());
  }
  return columns;
}

}  // namespace

Table agreement_table(const Paths& paths, const AnalyzeOptions& options) {
  if (!options.by.empty()) config::require_choice("--by", options.by, {"expert"});
  Table table = trace_table("agreement", agreement_columns(!options.by.empty()));
  const auto runs = traced_runs(paths, table, options.step);
  const auto last = [](TracedRun& run) { return TraceAt{&run, run.traces() - 1}; };
  for (std::size_t i = 0; i < runs.size(); ++i)
    for (std::size_t j = i + 1; j < runs.size(); ++j) {
      const TraceAt a = last(*runs[i]), b = last(*runs[j]);
      if (same_tokens(a, b))
        add_agreement_rows(a, b, options, table);
      else
        add_note(table, "left out: " + name_of_run(*a.run) + " and " + name_of_run(*b.run) +
                            ": their last traces are of different tokens");
    }
  if (table.rows.empty())
    fail(Exit::data, runs.front()->run().path +
                         ": no other file has its tokens; trace two seeds with moesim route RUN "
                         "--split validation");
  if (runs.front()->token_ids(0).empty())
    add_note(table, "tokens have no ids, and are taken to be the same");
  return table;
}

}  // namespace moesim
