// What slots mix and what tokens get from them (Soft MoE, Puigcerver et al., 2024, section 5):
//
//   tokens of a slot p   exp(-Σ_t D[t, p] log D[t, p])      slots of a token t  exp(-Σ_p C[t, p] log C[t, p])
//   weight of a token t  Σ_p D[t, p]; its mean is slots / tokens
#include "analysis/traces/token_text.hpp"
#include "analysis/traces/trace_tables.hpp"
#include "analysis/traces/weight_file.hpp"
#include "sim/config/unknown_choice.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {
namespace {

// Column `slot` of weights [tokens, slots].
std::vector<double> column_of(const std::vector<double>& weights, std::size_t slots,
                              std::size_t slot) {
  std::vector<double> column;
  for (std::size_t i = slot; i < weights.size(); i += slots) column.push_back(weights[i]);
  return column;
}

std::vector<double> row_of(const std::vector<double>& weights, std::size_t slots, std::size_t row) {
  const auto first = weights.begin() + static_cast<std::ptrdiff_t>(row * slots);
  return {first, first + static_cast<std::ptrdiff_t>(slots)};
}

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

double mean_of(const std::vector<double>& values) {
  return values.empty() ? kNone : sum_of(values) / static_cast<double>(values.size());
}

// All maps of one layer.
struct LayerWeights {
  std::size_t sequences = 0;
  double slots = 0;                                       // of a sequence
  std::vector<double> dispatch_entropy, dispatch_tokens;  // of slots
  std::vector<double> combine_entropy, combine_slots;     // of tokens
  std::vector<double> token_weight, slot_weight;          // sums of dispatch, of combine weights

  void add(const SlotMap& map) {
    const std::size_t P = map.slots.size();
    ++sequences, slots = static_cast<double>(P);
    for (std::size_t p = 0; p < P; ++p) {
      dispatch_entropy.push_back(weight_entropy(column_of(map.dispatch, P, p)));
      dispatch_tokens.push_back(std::exp(dispatch_entropy.back()));
      slot_weight.push_back(sum_of(column_of(map.combine, P, p)));
    }
    for (std::size_t t = 0; t < map.tokens; ++t) {
      combine_entropy.push_back(weight_entropy(row_of(map.combine, P, t)));
      combine_slots.push_back(std::exp(combine_entropy.back()));
      token_weight.push_back(sum_of(row_of(map.dispatch, P, t)));
    }
  }
};

// The share of all weight that the tenth of the tokens with most has, at least one token.
double heaviest_tenth(std::vector<double> weights) {
  std::sort(weights.begin(), weights.end(), std::greater<>());
  const std::size_t tenth = std::max<std::size_t>(1, (weights.size() + 5) / 10);
  const double all = sum_of(weights);
  weights.resize(tenth);
  return sum_of(weights) / all;
}

std::vector<Column> summary_columns() {
  return {count_column("sequences", "sequences"),
          count_column("tokens", "tokens"),
          count_column("slots", "slots"),
          real_column("dispatch_entropy", "entropy of dispatch"),
          real_column("dispatch_tokens", "tokens of a slot", 2),
          real_column("combine_entropy", "of combine"),
          real_column("combine_slots", "slots of a token", 2),
          real_column("token_weight_least", "token weight, least"),
          real_column("token_weight_median", "median"),
          real_column("token_weight_largest", "largest"),
          real_column("token_weight_even", "if even"),
          real_column("heaviest_tenth_percent", "of the heaviest tenth %", 1),
          real_column("slot_weight_largest", "slot weight, largest")};
}

std::vector<Cell> summary_row(const LayerWeights& of) {
  const auto tokens = static_cast<double>(of.token_weight.size());
  const auto [least, largest] = std::minmax_element(of.token_weight.begin(), of.token_weight.end());
  return {static_cast<double>(of.sequences),
          tokens,
          of.slots,
          mean_of(of.dispatch_entropy),
          mean_of(of.dispatch_tokens),
          mean_of(of.combine_entropy),
          mean_of(of.combine_slots),
          *least,
          median_of(of.token_weight),
          *largest,
          of.slots * static_cast<double>(of.sequences) / tokens,
          100 * heaviest_tenth(of.token_weight),
          *std::max_element(of.slot_weight.begin(), of.slot_weight.end())};
}

// Rows of one layer: the number that sorts them, and the cells. Of all of them or the `top` first.
struct Ranked {
  double weight = 0;
  std::vector<Cell> cells;
};

void add_ranked(Table& table, std::vector<Ranked> rows, std::size_t top) {
  if (top > 0) {
    std::stable_sort(rows.begin(), rows.end(),
                     [](const Ranked& a, const Ranked& b) { return a.weight > b.weight; });
    rows.resize(std::min(rows.size(), top));
  }
  for (Ranked& row : rows) table.rows.push_back(std::move(row.cells));
}

class MixingRows {
 public:
  MixingRows(WeightFile& file, const AnalyzeOptions& options)
      : file_(file), options_(options), texts_(token_texts(file.run().path)) {}

  void add_to(Table& table) {
    const bool maps = options_.by == "dispatch" || options_.by == "combine";
    bool any = false;
    for (const std::int64_t layer : file_.layers()) {
      LayerWeights summary;
      std::vector<Ranked> rows;
      for (std::size_t i = 0; i < file_.rows().size(); ++i) {
        const WeightFile::Row& row = file_.rows()[i];
        if (row.layer != layer || (maps && row.first != options_.sequence)) continue;
        any = true;
        const SlotMap map = file_.slot_map(i);
        if (options_.by.empty()) summary.add(map);
        if (options_.by == "token") add_tokens(row, map, rows);
        if (maps) add_cells(row, map, rows);
      }
      if (options_.by.empty()) {
        std::vector<Cell> cells = {file_.name(), std::to_string(layer)};
        const std::vector<Cell> numbers = summary_row(summary);
        cells.insert(cells.end(), numbers.begin(), numbers.end());
        table.rows.push_back(std::move(cells));
      }
      add_ranked(table, std::move(rows), options_.top);
    }
    if (!any)
      fail(Exit::usage, fmt::format("command line: --sequence {}: {} has weights of {} sequences",
                                    options_.sequence, file_.run().path,
                                    file_.rows().size() / file_.layers().size()));
  }

 private:
  std::vector<Cell> start_of(const WeightFile::Row& row, std::size_t token) const {
    const std::size_t at = static_cast<std::size_t>(row.first * file_.length()) + token;
    Cell id, text;
    if (at < file_.ids().size()) {
      id = std::to_string(file_.ids()[at]);
      if (const auto found = texts_.find(file_.ids()[at]); found != texts_.end())
        text = escaped_token(found->second);
    }
    return {file_.name(),
            std::to_string(row.layer),
            static_cast<double>(row.first),
            static_cast<double>(token),
            id,
            text};
  }
  void add_tokens(const WeightFile::Row& row, const SlotMap& map, std::vector<Ranked>& rows) const {
    const std::size_t P = map.slots.size();
    for (std::size_t t = 0; t < map.tokens; ++t) {
      const double weight = sum_of(row_of(map.dispatch, P, t));
      std::vector<Cell> cells = start_of(row, t);
      cells.insert(cells.end(),
                   {weight, weight * static_cast<double>(map.tokens) / static_cast<double>(P),
                    std::exp(weight_entropy(row_of(map.combine, P, t)))});
      rows.push_back({weight, std::move(cells)});
    }
  }
  void add_cells(const WeightFile::Row& row, const SlotMap& map, std::vector<Ranked>& rows) const {
    const bool dispatch = options_.by == "dispatch";
    const std::vector<double>& weights = dispatch ? map.dispatch : map.combine;
    const auto terms = static_cast<double>(dispatch ? map.tokens : map.slots.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      std::vector<Cell> cells = start_of(row, i / map.slots.size());
      cells.insert(cells.end(), {map.slots[i % map.slots.size()], weights[i], weights[i] * terms});
      rows.push_back({weights[i], std::move(cells)});
    }
  }

  WeightFile& file_;
  const AnalyzeOptions& options_;
  std::map<std::int32_t, std::string> texts_;
};

std::vector<Column> mixing_columns(const std::string& by) {
  if (by.empty()) return summary_columns();
  std::vector<Column> columns = {
      count_column("sequence", "sequence"), count_column("position", "position"),
      text_column("token_id", "token id"), text_column("token", "token")};
  if (by == "token")
    columns.insert(columns.end(), {real_column("token_weight", "weight in slots"),
                                   real_column("ratio", "over even"),
                                   real_column("combine_slots", "slots of the token", 2)});
  else
    columns.insert(columns.end(),
                   {text_column("slot", "slot"), real_column("weight", (by + " weight").c_str(), 6),
                    real_column("ratio", "over even")});
  return columns;
}

}  // namespace

Table mixing_table(const Paths& paths, const AnalyzeOptions& options) {
  const std::string& by = options.by;
  if (!by.empty()) config::require_choice("--by", by, {"token", "dispatch", "combine"});
  Table table = trace_table("mixing", mixing_columns(by));
  each_weight_file(paths, table, WeightFile::Kind::mixing, options.step,
                   [&](WeightFile& file) { MixingRows(file, options).add_to(table); });
  if (by == "dispatch" || by == "combine")
    add_note(table, "slots are named EXPERT, or EXPERT.SLOT if an expert has several");
  return table;
}

}  // namespace moesim
