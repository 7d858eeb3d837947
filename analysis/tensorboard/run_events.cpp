#include "analysis/tensorboard/run_events.hpp"

#include "analysis/tables/expert_load.hpp"
#include "analysis/tensorboard/run_texts.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace moesim {
namespace {

// Excerpts of a run file are limited to 64 MiB; the remainder is for small variables.
constexpr double kMostValues = (48.0 * (1 << 20)) / sizeof(double);

// Stream is a group of variables with common rows, and their tags.
struct Stream {
  std::string axis, steps, prefix;
  std::string group;               // prefix of the tags
  std::vector<std::string> plain;  // one value per row; NaN also makes an event
  std::string labelled, labels;    // several values per row, and the variable with their names
  bool routing;                    // has values by layer and expert
};

const std::array<Stream, 3>& streams() {
  static const std::array<Stream, 3> all = {{
      {"step",
       "step",
       "",
       "train",
       {"loss", "task_loss", "grad_norm", "learning_rate", "tokens", "seconds"},
       "aux_loss",
       "aux",
       false},
      {"eval",
       "eval_step",
       "eval_",
       "eval",
       {"eval_loss", "eval_loss_error", "eval_loss_from", "eval_loss_dropless",
        "eval_loss_training", "eval_accuracy"},
       "domain_loss",
       "domain",
       true},
      {"record", "record_step", "", "", {}, "", "", true},
  }};
  return all;
}

// Per-layer variables, exported as recorded.
const std::array<const char*, 5> kPerLayer = {"router_entropy", "load_cv", "max_violation",
                                              "dead_experts", "effective_experts"};

// Returns the excerpt with steps, times and losses of all rows.
Excerpt overview_excerpt() {
  Excerpt excerpt;
  for (const Stream& stream : streams()) {
    excerpt.last_rows[stream.steps] = kAllRows;
    for (const std::string& name : stream.plain) excerpt.last_rows[name] = kAllRows;
    if (!stream.labels.empty()) excerpt.last_rows[stream.labels] = kMostLabels;
  }
  excerpt.last_rows["layer"] = excerpt.last_rows["expert"] = kMostLabels;
  return excerpt;
}

// Returns the excerpt with the remaining variables of new rows.
Excerpt detail_excerpt(const std::array<std::size_t, 3>& rows) {
  Excerpt excerpt{{"moesim_schema", "plan_kind"}, {{"layer", kMostLabels}}};
  for (std::size_t s = 0; s < rows.size(); ++s) {
    const Stream& stream = streams()[s];
    const auto most = static_cast<std::int64_t>(rows[s]);
    excerpt.last_rows[stream.steps] = kAllRows;  // to detect changed rows
    if (most == 0) continue;
    if (!stream.labelled.empty()) excerpt.last_rows[stream.labelled] = most;
    if (!stream.routing) continue;
    for (const char* name : kPerLayer) excerpt.last_rows[stream.prefix + name] = most;
    for (const char* name : {"load", "importance", "assignments", "dropped"})
      excerpt.last_rows[stream.prefix + name] = most;
  }
  return excerpt;
}

std::vector<double> values_of(const Run& run, const std::string& name, const std::string& axis) {
  const Variable* variable = run.variable(name, {axis});
  return variable == nullptr ? std::vector<double>() : variable->values;
}

bool is_step(double value) { return value >= 0 && value < 0x1p53; }

std::uint64_t mixed(std::uint64_t digest, double value) {
  constexpr std::uint64_t kPrime = 0x100000001b3;  // FNV-1a over 8 bytes at a time
  return (digest ^ std::bit_cast<std::uint64_t>(value)) * kPrime;
}

std::uint64_t digest_of(const std::vector<double>& steps, const std::vector<double>& losses,
                        std::size_t rows) {
  std::uint64_t digest = 0xcbf29ce484222325;
  for (std::size_t r = 0; r < rows; ++r) {
    digest = mixed(digest, steps[r]);
    if (r < losses.size()) digest = mixed(digest, losses[r]);
  }
  return digest;
}

std::string tag_of(const std::string& group, const std::string& name, const std::string& prefix) {
  return group + "/" + (name.starts_with(prefix) ? name.substr(prefix.size()) : name);
}

// Scalars collects the values of one row as scalars of an event.
class Scalars {
 public:
  Scalars(const Run& overview, const Run& detail, const Stream& stream)
      : overview_(overview), detail_(detail), stream_(stream) {}

  void add_to(Event& event, std::size_t row, std::size_t from_last) const {
    for (const std::string& name : stream_.plain) {
      const Variable* variable = overview_.variable(name, {stream_.axis});
      if (variable != nullptr && row < variable->values.size())
        event.scalars.emplace_back(tag_of(stream_.group, name, stream_.prefix),
                                   variable->values[row]);
    }
    if (!stream_.labelled.empty()) add_labelled(event, from_last);
    if (stream_.routing) add_routing(event, from_last);
  }

 private:
  static void add(Event& event, std::string tag, double value) {
    if (!std::isnan(value)) event.scalars.emplace_back(std::move(tag), value);
  }

  void add_labelled(Event& event, std::size_t from_last) const {
    const std::vector<double> row =
        row_from_last(detail_, stream_.labelled, {stream_.axis, stream_.labels}, from_last);
    const Variable* labels = overview_.file.find(stream_.labels);
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool named = labels != nullptr && i < labels->texts.size();
      add(event,
          stream_.group + "/" + stream_.labelled + "/" +
              (named ? config::printable(labels->texts[i]) : std::to_string(i)),
          row[i]);
    }
  }

  void add_routing(Event& event, std::size_t from_last) const {
    const std::vector<ExpertLoad> loads =
        loads_of_row(detail_, stream_.prefix, stream_.axis, from_last);
    const auto tag = [&](const std::string& name, std::int64_t layer) {
      return fmt::format("{}{}/layer {}", stream_.prefix, name, layer);
    };
    for (const char* name : kPerLayer) {
      const std::vector<double> row =
          row_from_last(detail_, stream_.prefix + name, {stream_.axis, "layer"}, from_last);
      const std::vector<std::int64_t> labels = layer_labels(overview_, row.size());
      for (std::size_t l = 0; l < row.size(); ++l) add(event, tag(name, labels[l]), row[l]);
    }
    for (const ExpertLoad& layer : loads) {
      if (layer.assignments > 0)
        add(event, tag("dropped_percent", layer.layer), 100 * layer.dropped / layer.assignments);
      const std::vector<double> ratios = over_uniform(layer.load);
      for (std::size_t e = 0; e < ratios.size() && ratios.size() > 1; ++e)
        add(event, tag("load", layer.layer) + fmt::format("/expert {}", e), ratios[e]);
    }
  }

  const Run& overview_;
  const Run& detail_;
  const Stream& stream_;
};

// Returns how many rows of per-expert data one reading may take.
std::size_t most_rows(const Run& overview, const Stream& stream) {
  const auto size_of = [&](const char* labels) {
    const Variable* variable = overview.file.find(labels);
    return variable == nullptr ? 0.0 : static_cast<double>(variable->values.size());
  };
  const double per_row = size_of("layer") * (2 * size_of("expert") + kPerLayer.size() + 2);
  if (!stream.routing || per_row == 0) return std::numeric_limits<std::size_t>::max();
  return static_cast<std::size_t>(kMostValues / 2 / per_row);
}

// Clock returns the training time before or after a step.
class Clock {
 public:
  explicit Clock(const Run& run)
      : steps_(values_of(run, "step", "step")), sums_(values_of(run, "seconds", "step")) {
    std::partial_sum(sums_.begin(), sums_.end(), sums_.begin());
  }

  double before(double step) const {
    return at(std::lower_bound(steps_.begin(), steps_.end(), step));
  }
  double after(double step) const {
    return at(std::upper_bound(steps_.begin(), steps_.end(), step));
  }

 private:
  double at(std::vector<double>::const_iterator place) const {
    const auto rows = std::min(static_cast<std::size_t>(place - steps_.begin()), sums_.size());
    return rows == 0 ? 0 : sums_[rows - 1];
  }

  std::vector<double> steps_, sums_;
};

}  // namespace

NewRows RunEvents::read(const std::string& path, RunReader& reader) {
  using Change = NewRows::Change;
  NewRows fresh{.overview = read_run(path, reader, overview_excerpt()), .first = identity_.empty()};
  const std::string identity = fresh.overview.file.text("run_id") + '\n' +
                               fresh.overview.file.text("created_utc") + '\n' +
                               fresh.overview.file.text("config_sha256");
  if (!fresh.first && identity != identity_) {
    fresh.change = Change::replaced;
    return fresh;
  }

  std::array<std::vector<double>, 3> steps;
  std::array<std::size_t, 3> added{}, rows = rows_;
  std::array<std::uint64_t, 3> digests = digests_;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const Stream& stream = streams()[s];
    steps[s] = values_of(fresh.overview, stream.steps, stream.axis);
    const std::vector<double> losses =
        stream.plain.empty() ? std::vector<double>()
                             : values_of(fresh.overview, stream.plain.front(), stream.axis);
    if (!std::all_of(steps[s].begin(), steps[s].end(), is_step))
      fail(Exit::data, path + ": " + stream.steps + " has a value that is no step");
    if (steps[s].size() < rows_[s]) continue;  // rewound to a checkpoint and not yet caught up
    if (rows_[s] > 0 && digest_of(steps[s], losses, rows_[s]) != digests_[s]) {
      fresh.change = Change::replaced;
      return fresh;
    }
    added[s] = steps[s].size() - rows_[s];
    rows[s] = steps[s].size();
    digests[s] = digest_of(steps[s], losses, rows[s]);
  }

  for (std::size_t s = 0; s < added.size(); ++s) {
    const std::size_t most = most_rows(fresh.overview, streams()[s]);
    if (added[s] > most) fresh.left_out += added[s] - most;
    added[s] = std::min(added[s], most);
  }
  fresh.detail = read_run(path, reader, detail_excerpt(added));
  for (std::size_t s = 0; s < steps.size(); ++s)
    if (values_of(fresh.detail, streams()[s].steps, streams()[s].axis) != steps[s]) {
      fresh.change = Change::moved;
      return fresh;
    }

  for (std::size_t s = 0; s < steps.size(); ++s)
    for (std::size_t last = added[s]; last-- > 0;) {
      const std::size_t row = steps[s].size() - 1 - last;
      fresh.rows.push_back({steps[s][row], s, row, last});
    }
  std::stable_sort(fresh.rows.begin(), fresh.rows.end(),
                   [](const auto& a, const auto& b) { return a.step < b.step; });
  fresh.begun = seconds_since_1970(fresh.overview.file.text("created_utc"));
  identity_ = identity;
  rows_ = rows;
  digests_ = digests;
  return fresh;
}

void each_event(const NewRows& fresh, const std::function<void(const Event&)>& take) {
  if (fresh.first) take({fresh.begun, 0, {}, texts_of(fresh.overview)});
  const Clock clock(fresh.overview);
  for (const NewRows::Row& row : fresh.rows) {
    const Stream& stream = streams()[row.stream];
    Event event{fresh.begun, static_cast<std::int64_t>(row.step)};
    event.wall_time += stream.axis == "eval" ? clock.before(row.step) : clock.after(row.step);
    Scalars(fresh.overview, fresh.detail, stream).add_to(event, row.row, row.last);
    if (!event.scalars.empty()) take(event);
  }
}

}  // namespace moesim
