// The first choices of a token in two consecutive MoE layers.
#include "analysis/traces/information.hpp"
#include "analysis/traces/label_counts.hpp"
#include "analysis/traces/trace_tables.hpp"
#include "sim/config/unknown_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace moesim {
namespace {

// The first choices of tokens that have one in both layers; -1 for the others.
std::vector<std::int32_t> from_choices(const TokenChoices& from, const TokenChoices& to) {
  std::vector<std::int32_t> first(from.tokens(), -1);
  for (std::size_t t = 0; t < from.tokens(); ++t)
    if (to.first(t) >= 0) first[t] = from.first(t);
  return first;
}

void add_transition_pairs(PairCounts& counts, const std::vector<Cell>& start,
                          const AnalyzeOptions& options, Table& table) {
  struct Move {
    std::size_t from, to;
    double n;
  };
  std::vector<Move> moves;
  std::vector<double> from(counts.rows(), 0), to(counts.cols(), 0);
  counts.each([&](std::size_t a, std::size_t b, std::uint64_t n) {
    const auto count = static_cast<double>(n);
    moves.push_back({a, b, count});
    from[a] += count, to[b] += count;
  });
  const double all = std::accumulate(from.begin(), from.end(), 0.0);
  if (options.top > 0 && moves.size() > options.top) {
    std::stable_sort(moves.begin(), moves.end(),
                     [](const Move& a, const Move& b) { return a.n > b.n; });
    moves.resize(options.top);
    add_note(table, fmt::format("the {} most frequent pairs of each pair of layers; --top 0 lists "
                                "all",
                                options.top));
  }
  for (const Move& move : moves) {
    std::vector<Cell> row = start;
    const double share = move.n / from[move.from], expected = to[move.to] / all;
    row.insert(row.end(), {static_cast<double>(move.from), static_cast<double>(move.to), move.n,
                           share, expected, share / expected});
    table.rows.push_back(std::move(row));
  }
}

void add_conditional_entropy(const Information& found, const std::vector<double>& shuffled,
                             std::vector<Cell> row, Table& table) {
  // Given shuffled choices, the entropy is H(next) - I(shuffled): low where information is high.
  const Baseline chance = baseline_of(shuffled, found.plug_in());
  const double entropy = found.col_entropy;
  const auto defined = [&](double value) { return entropy > 0 ? value / entropy : kNone; };
  row.insert(row.end(), {found.total, entropy, found.conditional(), defined(found.conditional())});
  Baseline of_entropy = chance;
  of_entropy.mean = defined(entropy - chance.mean);
  of_entropy.interval = {defined(entropy - chance.interval.high),
                         defined(entropy - chance.interval.low)};
  add_baseline(row, of_entropy, shuffled.size());
  table.rows.push_back(std::move(row));
}

std::vector<Column> transition_columns(bool pairs) {
  std::vector<Column> columns = {text_column("next", "next layer")};
  const auto add = [&](const std::vector<Column>& more) {
    columns.insert(columns.end(), more.begin(), more.end());
  };
  if (pairs) {
    add({count_column("expert", "expert i"), count_column("other", "next expert j"),
         count_column("tokens", "tokens"), real_column("probability", "P(j | i)"),
         real_column("expected", "P(j)"), real_column("ratio", "ratio", 2)});
  } else {
    add({count_column("tokens", "tokens"), real_column("entropy", "H(next)"),
         real_column("conditional_entropy", "H(next | this)"),
         real_column("normalised", "over H(next)")});
    add(baseline_columns("shuffled, over H"));
  }
  return columns;
}

}  // namespace

Table transitions_table(const Paths& paths, const AnalyzeOptions& options) {
  if (!options.by.empty()) config::require_choice("--by", options.by, {"pair"});
  const bool pairs = options.by == "pair";
  Table table = trace_table("transitions", transition_columns(pairs));
  each_traced_run(paths, table, options.step, [&](TracedRun& run) {
    TokenChoices before;
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      TokenChoices now = first_choices(choices_of_layer(run, layer));
      if (layer > 0) {
        const std::vector<std::int32_t> from = from_choices(before, now);
        PairCounts counts = labels_by_expert(from, static_cast<std::size_t>(run.experts()), now);
        const std::vector<Cell> start = {name_of_run(run), std::to_string(run.label(layer - 1)),
                                         std::to_string(run.label(layer))};
        if (pairs) {
          add_transition_pairs(counts, start, options, table);
        } else {
          const Shuffles shuffles =
              shuffles_for(options, static_cast<double>(now.expert.size() * (run.layers() - 1)),
                           static_cast<std::uint32_t>(layer));
          add_conditional_entropy(information_of(counts),
                                  shuffled_information(from, counts.rows(), now, shuffles), start,
                                  table);
        }
      }
      before = std::move(now);
    }
    if (run.layers() < 2) add_note(table, name_of_run(run) + ": one MoE layer, no transition");
  });
  add_note(table, "first choices");
  return table;
}

}  // namespace moesim
