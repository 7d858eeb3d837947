// How evenly Lory and SMEAR merge their experts: the entropy of the weights of every merged expert, and
// that of their mean. Both are log E if all experts have equal weight; the first is 0 if every merged
// expert is one of them.
#include "analysis/traces/trace_tables.hpp"
#include "analysis/traces/weight_file.hpp"
#include "sim/config/unknown_choice.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace moesim {
namespace {

// Some merged experts of one layer.
class Merges {
 public:
  void add(const std::vector<double>& weights, double tokens) {
    sum_.resize(std::max(sum_.size(), weights.size()), 0);
    largest_.resize(sum_.size(), 0);
    for (std::size_t e = 0; e < weights.size(); ++e) sum_[e] += tokens * weights[e];
    ++largest_[static_cast<std::size_t>(std::max_element(weights.begin(), weights.end()) -
                                        weights.begin())];
    const double entropy = weight_entropy(weights);
    entropy_ += entropy, effective_ += std::exp(entropy);
    ++count_, tokens_ += tokens;
  }
  std::size_t experts() const { return sum_.size(); }
  double count() const { return count_; }
  double tokens() const { return tokens_; }
  // Means over merged experts.
  double entropy() const { return entropy_ / count_; }
  double effective() const { return effective_ / count_; }
  // Of the mean weights, over tokens.
  double entropy_of_mean() const { return weight_entropy(sum_); }
  double mean(std::size_t expert) const { return sum_[expert] / tokens_; }
  double largest_percent(std::size_t expert) const { return 100 * largest_[expert] / count_; }
  std::size_t heaviest() const {
    return static_cast<std::size_t>(std::max_element(sum_.begin(), sum_.end()) - sum_.begin());
  }

 private:
  std::vector<double> sum_, largest_;
  double entropy_ = 0, effective_ = 0, count_ = 0, tokens_ = 0;
};

void add_cells(Table& table, const WeightFile& file, std::int64_t layer, std::vector<Cell> cells) {
  cells.insert(cells.begin(), {file.name(), std::to_string(layer)});
  table.rows.push_back(std::move(cells));
}

void add_summary(Table& table, const WeightFile& file, std::int64_t layer, const Merges& all) {
  add_cells(table, file, layer,
            {all.count(), all.tokens(), static_cast<double>(all.experts()), all.entropy(),
             all.effective(), all.entropy_of_mean(), std::log(static_cast<double>(all.experts())),
             static_cast<double>(all.heaviest()), all.mean(all.heaviest())});
}

void add_experts(Table& table, const WeightFile& file, std::int64_t layer, const Merges& all) {
  for (std::size_t e = 0; e < all.experts(); ++e)
    add_cells(table, file, layer,
              {static_cast<double>(e), all.mean(e),
               all.mean(e) * static_cast<double>(all.experts()), all.largest_percent(e)});
}

void add_segments(Table& table, const WeightFile& file, std::int64_t layer,
                  const std::map<std::int64_t, Merges>& of) {
  double number = 0;
  for (const auto& [position, segment] : of)
    add_cells(table, file, layer,
              {number++, static_cast<double>(position), segment.count(), segment.entropy(),
               segment.effective(), segment.entropy_of_mean(),
               static_cast<double>(segment.heaviest()), segment.mean(segment.heaviest())});
}

void add_file(WeightFile& file, const std::string& by, Table& table) {
  const std::vector<std::vector<double>> weights = file.merge_weights();
  for (const std::int64_t layer : file.layers()) {
    Merges all;
    std::map<std::int64_t, Merges> segments;  // by their first position
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const WeightFile::Row& row = file.rows()[i];
      if (row.layer != layer) continue;
      all.add(weights[i], static_cast<double>(row.tokens));
      segments[row.first % file.length()].add(weights[i], static_cast<double>(row.tokens));
    }
    if (by.empty()) add_summary(table, file, layer, all);
    if (by == "expert") add_experts(table, file, layer, all);
    if (by == "segment") add_segments(table, file, layer, segments);
  }
}

std::vector<Column> merging_columns(const std::string& by) {
  const Column merged = count_column("merged", "merged experts"),
               entropy = real_column("entropy", "entropy"),
               effective = real_column("effective_experts", "effective", 2),
               of_mean = real_column("entropy_of_mean", "of the mean"),
               heaviest = count_column("expert", "heaviest expert"),
               weight = real_column("weight", "mean weight");
  if (by == "expert")
    return {count_column("expert", "expert"), weight, real_column("ratio", "over even"),
            real_column("largest_percent", "the heaviest in %", 1)};
  if (by == "segment")
    return {count_column("segment", "segment"),
            count_column("position", "from position"),
            merged,
            entropy,
            effective,
            of_mean,
            heaviest,
            weight};
  return {merged,
          count_column("tokens", "tokens"),
          count_column("experts", "experts"),
          entropy,
          effective,
          of_mean,
          real_column("entropy_even", "if even"),
          heaviest,
          weight};
}

}  // namespace

Table merging_table(const Paths& paths, const AnalyzeOptions& options) {
  const std::string& by = options.by;
  if (!by.empty()) config::require_choice("--by", by, {"expert", "segment"});
  Table table = trace_table("merging", merging_columns(by));
  each_weight_file(paths, table, WeightFile::Kind::merging, options.step,
                   [&](WeightFile& file) { add_file(file, by, table); });
  return table;
}

}  // namespace moesim
