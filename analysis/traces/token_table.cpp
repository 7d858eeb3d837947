// The token ids of which each expert has the largest share (as the tables of ST-MoE, Zoph et al.,
// 2022, and OLMoE).
#include "analysis/traces/pair_counts.hpp"
#include "analysis/traces/token_text.hpp"
#include "analysis/traces/trace_tables.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

struct SharedId {
  std::size_t label;
  double n, occurs, share;
};

// The ids of every expert, by falling share.
std::vector<std::vector<SharedId>> ids_of_experts(const TokenLabels& ids,
                                                  const TokenChoices& choices, double seen) {
  const auto experts = static_cast<std::size_t>(choices.experts);
  std::vector<double> occurs(ids.labels(), 0);
  PairCounts counts(ids.labels(), experts);
  for (std::size_t t = 0; t < choices.tokens(); ++t) {
    if (ids.label[t] < 0) continue;
    const auto id = static_cast<std::size_t>(ids.label[t]);
    occurs[id] += 1;
    for (const std::int32_t e : choices.of(t)) counts.add(id, static_cast<std::size_t>(e));
  }
  std::vector<std::vector<SharedId>> of(experts);
  counts.each([&](std::size_t id, std::size_t e, std::uint64_t n) {
    const auto count = static_cast<double>(n);
    if (occurs[id] >= seen) of[e].push_back({id, count, occurs[id], count / occurs[id]});
  });
  for (std::vector<SharedId>& list : of)
    std::stable_sort(list.begin(), list.end(), [](const SharedId& a, const SharedId& b) {
      return a.share != b.share ? a.share > b.share : a.n > b.n;
    });
  return of;
}

}  // namespace

Table token_table(const Paths& paths, const AnalyzeOptions& options) {
  Table table =
      trace_table("tokens", {count_column("expert", "expert"), count_column("rank", "rank"),
                             text_column("token_id", "token id"), text_column("token", "token"),
                             count_column("assignments", "at the expert"),
                             count_column("occurrences", "of"), real_column("share", "share")});
  each_traced_run(paths, table, options.step, [&](TracedRun& run) {
    const std::map<std::int32_t, std::string> texts = token_texts(run.run().path);
    const auto text_of = [&](const std::string& id) -> Cell {
      const auto found = texts.find(static_cast<std::int32_t>(std::stol(id)));
      return found == texts.end() ? Cell() : Cell(escaped_token(found->second));
    };
    const TokenLabels ids = token_labels(run, label_kinds(run, "token").front(), options.bins);
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      const auto lists = ids_of_experts(ids, choices_of_layer(run, layer), options.seen);
      for (std::size_t e = 0; e < lists.size(); ++e)
        for (std::size_t i = 0; i < lists[e].size(); ++i) {
          if (options.top > 0 && i >= options.top) break;
          const SharedId& one = lists[e][i];
          table.rows.push_back({name_of_run(run), std::to_string(run.label(layer)),
                                static_cast<double>(e), static_cast<double>(i + 1),
                                ids.names[one.label], text_of(ids.names[one.label]), one.n,
                                one.occurs, one.share});
        }
    }
  });
  add_note(table, fmt::format("token ids seen {} times or more", options.seen));
  return table;
}

}  // namespace moesim
