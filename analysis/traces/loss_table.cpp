// The loss of tokens by what they got: the number of experts that served them, and whether capacity
// dropped a choice of theirs.
#include "analysis/statistics/clustered.hpp"
#include "analysis/traces/trace_tables.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace moesim {
namespace {

// What a token got, in a layer or in all of them.
struct Service {
  std::int32_t served = 0, dropped = 0;  // choices
};

// Adds one trace of one layer; tokens count from `first`.
void add_service(const TraceLayer& rows, std::size_t first, std::vector<Service>& services) {
  for (std::size_t i = 0; i < rows.token.size(); ++i) {
    Service& service = services[first + static_cast<std::size_t>(rows.token[i])];
    ++(rows.served[i] != 0 ? service.served : service.dropped);
  }
}

using Sums = std::vector<ClusterSum>;  // of every sequence

class LossRows {
 public:
  // loss: of every token of every trace; length: of a sequence, tokens: of a trace.
  LossRows(const TracedRun& run, std::vector<double> losses)
      : loss_(std::move(losses)), run_(name_of_run(run)) {
    const auto length = static_cast<std::size_t>(run.length()),
               tokens = static_cast<std::size_t>(run.tokens());
    const std::size_t sequences = (tokens + length - 1) / length;  // of a trace
    sequence_.reserve(loss_.size());
    for (std::size_t t = 0; t < loss_.size(); ++t)
      sequence_.push_back(t / tokens * sequences + t % tokens / length);
    sequences_ = loss_.size() / tokens * sequences;
    for (const double loss : loss_)
      if (!std::isnan(loss)) ++all_;
  }

  // Rows by the number of experts, then by drops, if there are any.
  void add_to(Table& table, const std::string& layer, const std::vector<Service>& services) const {
    std::map<std::int32_t, Sums> by_served;
    Sums dropped(sequences_), kept(sequences_);
    for (std::size_t t = 0; t < loss_.size(); ++t) {
      if (std::isnan(loss_[t])) continue;
      Sums& sums = by_served[services[t].served];
      sums.resize(sequences_);
      sums[sequence_[t]].add(loss_[t]);
      (services[t].dropped > 0 ? dropped : kept)[sequence_[t]].add(loss_[t]);
    }
    for (const auto& [served, sums] : by_served) {
      Sums others(sequences_);
      for (const auto& [number, other] : by_served)
        for (std::size_t s = 0; number != served && s < sequences_; ++s)
          others[s].sum += other[s].sum, others[s].count += other[s].count;
      add_row(table, layer, fmt::format("{} expert{}", served, served == 1 ? "" : "s"), sums,
              others);
    }
    if (count_of(dropped) == 0) return;
    add_row(table, layer, "a dropped choice", dropped, kept);
    add_row(table, layer, "no dropped choice", kept, dropped);
  }

 private:
  static double count_of(const Sums& sums) {
    double count = 0;
    for (const ClusterSum& one : sums) count += one.count;
    return count;
  }
  void add_row(Table& table, const std::string& layer, const std::string& got, const Sums& sums,
               const Sums& others) const {
    const MeanEstimate mean = mean_over_clusters(sums),
                       difference = difference_over_clusters(sums, others);
    const double count = count_of(sums);
    const auto sequences = std::count_if(sums.begin(), sums.end(),
                                         [](const ClusterSum& one) { return one.count > 0; });
    table.rows.push_back({run_, layer, got, count, static_cast<double>(sequences),
                          100 * count / static_cast<double>(all_), mean.value, mean.interval,
                          difference.value, difference.interval});
  }

  std::vector<double> loss_;
  std::string run_;
  std::vector<std::size_t> sequence_;  // of every token
  std::size_t sequences_ = 0, all_ = 0;
};

void add_run(TracedRun& run, Table& table) {
  std::vector<double> losses;
  for (std::size_t trace = 0; trace < run.traces(); ++trace) {
    const std::vector<double> some = run.losses(trace);
    if (some.empty())
      throw NoAssignments(run.run().path +
                          ": no losses of tokens; trace a checkpoint with moesim route RUN --split "
                          "validation --out FILE.h5");
    losses.insert(losses.end(), some.begin(), some.end());
  }
  if (std::all_of(losses.begin(), losses.end(), [](double loss) { return std::isnan(loss); }))
    fail(Exit::data, run.run().path + ": trace_loss is NaN at every token: none has a target");
  const LossRows rows(run, losses);
  const auto tokens = static_cast<std::size_t>(run.tokens());
  std::vector<Service> all(losses.size());
  for (std::size_t layer = 0; layer < run.layers(); ++layer) {
    std::vector<Service> own(losses.size());
    for (std::size_t trace = 0; trace < run.traces(); ++trace) {
      const TraceLayer listed = run.read(trace, layer);
      add_service(listed, trace * tokens, own);
      add_service(listed, trace * tokens, all);
    }
    rows.add_to(table, std::to_string(run.label(layer)), own);
  }
  if (run.layers() > 1) rows.add_to(table, "all", all);
}

}  // namespace

Table loss_table(const Paths& paths, const AnalyzeOptions& options) {
  Table table = trace_table(
      "loss", {text_column("tokens_with", "tokens with"), count_column("tokens", "tokens"),
               count_column("sequences", "sequences"), real_column("tokens_percent", "of all %", 2),
               real_column("loss", "loss"), interval_column("loss_interval", "95 %"),
               real_column("loss_difference", "- loss of others"),
               interval_column("loss_difference_interval", "95 %")});
  each_traced_run(paths, table, options.step, [&](TracedRun& run) { add_run(run, table); });
  add_note(table, "intervals are over the sequences that have such tokens");
  add_note(table,
           "tokens differ in more than their experts: a difference is not the effect of "
           "experts or drops (moesim regret measures effects)");
  return table;
}

}  // namespace moesim
