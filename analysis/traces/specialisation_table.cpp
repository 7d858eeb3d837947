// How much the expert of a token says about its domain, id, previous token and position.
#include "analysis/traces/information.hpp"
#include "analysis/traces/trace_tables.hpp"
#include "sim/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

PairCounts labels_by_expert(const TokenLabels& labels, const TokenChoices& choices) {
  PairCounts counts(labels.labels(), static_cast<std::size_t>(choices.experts));
  for (std::size_t t = 0; t < choices.tokens(); ++t)
    if (labels.label[t] >= 0)
      for (const std::int32_t e : choices.of(t))
        counts.add(static_cast<std::size_t>(labels.label[t]), static_cast<std::size_t>(e));
  return counts;
}

// Tokens that have an expert, of each label.
std::vector<double> tokens_of_labels(const TokenLabels& labels, const TokenChoices& choices) {
  std::vector<double> tokens(labels.labels(), 0);
  for (std::size_t t = 0; t < choices.tokens(); ++t)
    if (labels.label[t] >= 0 && !choices.of(t).empty())
      tokens[static_cast<std::size_t>(labels.label[t])] += 1;
  return tokens;
}

// The largest share of a label's tokens at one expert, mean over labels (OLMoE's vocabulary
// specialisation).
double mean_largest_share(PairCounts& counts, const std::vector<double>& tokens) {
  std::vector<double> most(tokens.size(), 0);
  counts.each([&](std::size_t label, std::size_t, std::uint64_t n) {
    most[label] = std::max(most[label], static_cast<double>(n) / tokens[label]);
  });
  double sum = 0, seen = 0;
  for (std::size_t label = 0; label < tokens.size(); ++label)
    if (tokens[label] > 0) sum += most[label], ++seen;
  return seen > 0 ? sum / seen : kNone;
}

std::vector<Column> information_columns() {
  std::vector<Column> columns = {text_column("label", "of expert with"),
                                 count_column("labels", "values"),
                                 count_column("assignments", "assignments"),
                                 real_column("information", "MI"),
                                 real_column("information_corrected", "MI, corrected"),
                                 real_column("nmi", "NMI"),
                                 real_column("nmi_smaller", "NMI, smaller H"),
                                 real_column("nmi_adjusted", "NMI, adjusted"),
                                 real_column("largest_share", "largest share")};
  for (const Column& column : baseline_columns("MI, shuffled")) columns.push_back(column);
  return columns;
}

std::vector<Cell> information_row(const TokenLabels& labels, const TokenChoices& choices,
                                  const Shuffles& shuffles) {
  PairCounts counts = labels_by_expert(labels, choices);
  const Information found = information_of(counts);
  const double plug_in = found.plug_in();
  const Baseline chance =
      baseline_of(shuffled_information(labels.label, labels.labels(), choices, shuffles), plug_in);
  // (I - chance) / (H - chance), as the adjusted mutual information of Vinh et al. (2010); none where
  // chance alone nearly reaches H, so that the quotient is noise.
  const double spread = found.row_entropy - chance.mean;
  const bool defined = spread > 0.05 * found.row_entropy;
  std::vector<Cell> row = {labels.name,
                           found.rows,
                           found.total,
                           plug_in,
                           found.miller_madow(),
                           found.over_rows(),
                           found.over_smaller(),
                           defined ? (plug_in - chance.mean) / spread : kNone,
                           mean_largest_share(counts, tokens_of_labels(labels, choices))};
  add_baseline(row, chance, shuffles.count);
  return row;
}

}  // namespace

Table specialisation_table(const Paths& paths, const AnalyzeOptions& options) {
  if (!options.by.empty()) return label_share_table(paths, options);
  Table table = trace_table("specialisation", information_columns());
  each_traced_run(paths, table, [&](TracedRun& run) {
    const std::vector<std::string> kinds = label_kinds(run, "");
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      const TokenChoices choices = choices_of_layer(run, layer);
      const double tables = static_cast<double>(run.layers() * kinds.size());
      for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
        const Shuffles shuffles =
            shuffles_for(options, static_cast<double>(choices.expert.size()) * tables,
                         static_cast<std::uint32_t>(8 * layer + kind));
        std::vector<Cell> row = {name_of_run(run), std::to_string(run.label(layer))};
        for (Cell& cell :
             information_row(token_labels(run, kinds[kind], options.bins), choices, shuffles))
          row.push_back(std::move(cell));
        table.rows.push_back(std::move(row));
      }
    }
  });
  add_note(table,
           "MI in nats; corrected by Miller and Madow (1955), which takes assignments to be "
           "independent; adjusted by the mean of the shuffles, which keep the choices of a token "
           "together");
  return table;
}

Table label_share_table(const Paths& paths, const AnalyzeOptions& options) {
  if (options.by != "domain" && options.by != "token" && options.by != "previous" &&
      options.by != "position")
    fail(Exit::usage, "command line: --by " + config::printable(options.by) +
                          ": choose domain, token, previous or position");
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
  each_traced_run(paths, table, [&](TracedRun& run) {
    const TokenLabels labels =
        token_labels(run, label_kinds(run, options.by).front(), options.bins);
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      const TokenChoices choices = choices_of_layer(run, layer);
      PairCounts counts = labels_by_expert(labels, choices);
      const std::vector<double> tokens = tokens_of_labels(labels, choices);
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
