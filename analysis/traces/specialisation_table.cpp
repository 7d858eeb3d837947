// How much the expert of a token says about its domain, id, previous token and position.
#include "analysis/traces/information.hpp"
#include "analysis/traces/label_counts.hpp"
#include "analysis/traces/trace_tables.hpp"
#include "sim/config/unknown_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moesim {
namespace {

constexpr std::size_t kMostKept = std::size_t{1} << 24;  // tokens whose labels stay in memory

std::vector<Column> information_columns() {
  std::vector<Column> columns = {text_column("label", "of expert with"),
                                 count_column("labels", "values"),
                                 count_column("assignments", "assignments"),
                                 real_column("information", "MI", 5),
                                 real_column("information_corrected", "MI, corrected", 5),
                                 real_column("nmi", "NMI"),
                                 real_column("nmi_smaller", "NMI, smaller H"),
                                 real_column("nmi_adjusted", "NMI, adjusted"),
                                 real_column("largest_share", "largest share")};
  for (const Column& column : baseline_columns("MI, shuffled", 5)) columns.push_back(column);
  return columns;
}

std::vector<Cell> information_row(const TokenLabels& labels, const TokenChoices& choices,
                                  const Shuffles& shuffles) {
  PairCounts counts = labels_by_expert(labels.label, labels.labels(), choices);
  const Information found = information_of(counts);
  const double plug_in = found.plug_in();
  const Baseline chance =
      baseline_of(shuffled_information(labels.label, labels.labels(), choices, shuffles), plug_in);
  // (I - chance) / (H - chance), as the adjusted mutual information of Vinh et al. (2010); none where
  // chance alone nearly reaches H, so that the quotient is noise.
  const double spread = found.row_entropy - chance.mean;
  const bool defined = spread > 0.05 * found.row_entropy;
  std::vector<Cell> row = {
      labels.name,
      found.rows,
      found.total,
      plug_in,
      found.miller_madow(),
      found.over_rows(),
      found.over_smaller(),
      defined ? (plug_in - chance.mean) / spread : kNone,
      mean_largest_share(counts, tokens_of_labels(labels.label, labels.labels(), choices))};
  add_baseline(row, chance, shuffles.count);
  return row;
}

}  // namespace

Table specialisation_table(const Paths& paths, const AnalyzeOptions& options) {
  if (!options.by.empty()) return label_share_table(paths, options);
  Table table = trace_table("specialisation", information_columns());
  each_traced_run(paths, table, options.step, [&](TracedRun& run) {
    const std::vector<std::string> kinds = label_kinds(run, "");
    std::map<std::string, TokenLabels> kept;
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      const TokenChoices choices = choices_of_layer(run, layer);
      const double tables = static_cast<double>(run.layers() * kinds.size());
      for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
        const Shuffles shuffles =
            shuffles_for(options, static_cast<double>(choices.expert.size()) * tables,
                         static_cast<std::uint32_t>(8 * layer + kind));
        TokenLabels& labels = kept[kinds[kind]];
        if (labels.label.empty()) labels = token_labels(run, kinds[kind], options.bins);
        std::vector<Cell> row = {name_of_run(run), std::to_string(run.label(layer))};
        for (Cell& cell : information_row(labels, choices, shuffles))
          row.push_back(std::move(cell));
        table.rows.push_back(std::move(row));
        if (choices.tokens() > kMostKept) kept.clear();
      }
    }
  });
  add_note(table,
           "MI in nats; corrected by Miller and Madow (1955), too little where most cells of the "
           "table have no or few of the assignments; adjusted: by the mean of shuffles, which keep "
           "the choices of a token together");
  return table;
}

Table label_share_table(const Paths& paths, const AnalyzeOptions& options) {
  config::require_choice("--by", options.by, {"domain", "token", "previous", "position"});
  Table table = trace_table(
      "specialisation", {text_column("label", options.by.c_str()), count_column("expert", "expert"),
                         count_column("tokens", "tokens"),
                         count_column("assignments", "assignments"), real_column("share", "share"),
                         real_column("share_all", "of all"), real_column("ratio", "ratio", 2)});
  const bool of_ids = options.by == "token" || options.by == "previous";
  struct Entry {
    std::size_t label, expert;
    double n, share;
  };
  each_traced_run(paths, table, options.step, [&](TracedRun& run) {
    const TokenLabels labels =
        token_labels(run, label_kinds(run, options.by).front(), options.bins);
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      const TokenChoices choices = choices_of_layer(run, layer);
      PairCounts counts = labels_by_expert(labels.label, labels.labels(), choices);
      const std::vector<double> tokens = tokens_of_labels(labels.label, labels.labels(), choices);
      std::vector<double> of_expert(static_cast<std::size_t>(choices.experts), 0);
      double all = 0;
      for (const double n : tokens) all += n;
      std::vector<Entry> entries;
      counts.each([&](std::size_t label, std::size_t expert, std::uint64_t n) {
        const auto count = static_cast<double>(n);
        of_expert[expert] += count;
        if (!of_ids || tokens[label] >= options.seen)
          entries.push_back({label, expert, count, count / tokens[label]});
      });
      if (of_ids) {
        std::stable_sort(entries.begin(), entries.end(),
                         [](const Entry& a, const Entry& b) { return a.share > b.share; });
        if (options.top > 0 && entries.size() > options.top) {
          entries.resize(options.top);
          add_note(table,
                   fmt::format("the {} largest shares of each layer, of ids seen {} times or "
                               "more; --top 0 lists all",
                               options.top, options.seen));
        }
      }
      for (const Entry& entry : entries) {
        const double of_all = of_expert[entry.expert] / all;
        table.rows.push_back({name_of_run(run), std::to_string(run.label(layer)),
                              labels.names[entry.label], static_cast<double>(entry.expert),
                              tokens[entry.label], entry.n, entry.share, of_all,
                              entry.share / of_all});
      }
    }
  });
  return table;
}

}  // namespace moesim
