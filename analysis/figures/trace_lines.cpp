// Builds the curves of traces: information, repetition and agreement over layers, saturation over
// steps, drops over capacity factors.
#include "analysis/figures/style.hpp"
#include "analysis/figures/table_columns.hpp"
#include "analysis/figures/trace_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace moesim {
namespace {

constexpr std::size_t kLongTitle = 40;  // characters: does not fit into half of a column

// Lines collects points by panel and series, both in the order in which they first appear.
class Lines {
 public:
  Lines(const Table& table, std::size_t most_panels) : table_(table), most_(most_panels) {
    for (std::size_t r = 0; r < table.rows.size(); ++r) add_once(runs_, text(r, "run"));
  }

  std::string text(std::size_t row, const char* key) const { return text_at(table_, row, key); }
  double number(std::size_t row, const char* key) const { return number_at(table_, row, key); }
  // The run where there are several, before `what`.
  std::string of_run(std::size_t row, const std::string& what) const {
    return runs_.size() < 2 ? what : text(row, "run") + (what.empty() ? "" : ", " + what);
  }
  // The number of a layer, its place on the axis.
  double layer(std::size_t row) const { return number_of(text(row, "layer")); }
  static double number_of(const std::string& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : kNone;
  }

  // Null if there are no panels or styles left.
  Panel* panel(const std::string& title, const std::string& x, const std::string& y,
               bool from_zero = true) {
    for (Panel& one : figure_.panels)
      if (one.title == title && one.x.title == x && one.y.title == y) return &one;
    if (figure_.panels.size() == most_) {
      add_once(figure_.notes, fmt::format("the first {} panels", most_));
      return nullptr;
    }
    Panel made;
    made.title = title;
    made.x.title = x, made.y.title = y;
    made.y.from_zero = from_zero;
    figure_.panels.push_back(std::move(made));
    return &figure_.panels.back();
  }
  void point(Panel* panel, const std::string& name, double x, double y,
             Interval band = {kNone, kNone}, bool guide = false) {
    if (panel == nullptr || !std::isfinite(x)) return;
    Series* series = nullptr;
    for (Series& one : panel->series)
      if (one.name == name) series = &one;
    if (series == nullptr) {
      const std::size_t style = add_once(names_, name);
      if (style >= stroke_count()) {
        add_once(figure_.notes, fmt::format("the first {} curves", stroke_count()));
        return;
      }
      Series made;
      made.name = name;
      made.style = style;
      made.guide = guide;
      panel->series.push_back(std::move(made));
      series = &panel->series.back();
    }
    series->x.push_back(x);
    series->y.push_back(y);
    if (std::isfinite(band.low) && series->low.size() + 1 == series->y.size())
      series->low.push_back(band.low), series->high.push_back(band.high);
  }
  // In ascending order of x. Layers are labelled one by one.
  Figure finish(bool layers) {
    for (Panel& panel : figure_.panels) {
      for (Series& series : panel.series) sort(series);
      const std::set<double> places = places_of(panel);
      if (layers) panel.x.ticks.assign(places.begin(), places.end());
      if (places.size() > 1) continue;
      // Curves at one place would be invisible.
      panel.kind = Panel::Kind::points;
      for (Series& series : panel.series) series.guide = false;
    }
    const bool wide =
        std::any_of(figure_.panels.begin(), figure_.panels.end(), [](const Panel& one) {
          return one.title.size() > kLongTitle;  // of a run
        });
    figure_.columns = wide ? 1 : std::min<std::size_t>(figure_.panels.size(), 2);
    return std::move(figure_);
  }

 private:
  static std::size_t add_once(std::vector<std::string>& words, const std::string& word) {
    const auto found = std::find(words.begin(), words.end(), word);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    words.push_back(word);
    return words.size() - 1;
  }
  static std::set<double> places_of(const Panel& panel) {
    std::set<double> places;
    for (const Series& series : panel.series) places.insert(series.x.begin(), series.x.end());
    return places;
  }
  static void sort(Series& series) {
    std::vector<std::size_t> order(series.x.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return series.x[a] < series.x[b]; });
    const auto arrange = [&](std::vector<double>& values) {
      if (values.size() != order.size()) values.clear();
      const std::vector<double> old = values;
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = old[order[i]];
    };
    arrange(series.y), arrange(series.low), arrange(series.high), arrange(series.x);
  }

  const Table& table_;
  std::size_t most_;
  std::vector<std::string> runs_, names_;
  Figure figure_;
};

constexpr const char* kLayer = "MoE layer";

// The measured curve, and that of shuffled tokens with its interval.
void add_with_chance(Lines& lines, const Table& table, std::size_t row, Panel* panel,
                     const char* key, const char* shuffled) {
  lines.point(panel, lines.of_run(row, "measured"), lines.layer(row), lines.number(row, key));
  lines.point(panel, lines.of_run(row, shuffled), lines.layer(row), lines.number(row, "chance"),
              interval_at(table, row, "chance_interval"));
}

// Losses by the number of experts, and what those with a dropped choice have more.
void add_loss(Lines& lines, const Table& table, std::size_t row) {
  const std::string with = lines.text(row, "tokens_with"), layer = lines.text(row, "layer");
  if (const std::size_t end = with.find(" expert"); end != std::string::npos)
    lines.point(lines.panel("", "experts that served the token", "loss (nats)", false),
                lines.of_run(row, layer == "all" ? "all layers" : "layer " + layer),
                Lines::number_of(with.substr(0, end)), lines.number(row, "loss"),
                interval_at(table, row, "loss_interval"));
  else if (with == "a dropped choice")
    lines.point(lines.panel("", kLayer, "loss with - without a dropped choice", false),
                lines.of_run(row, "difference (95 %)"), lines.layer(row),
                lines.number(row, "loss_difference"),
                interval_at(table, row, "loss_difference_interval"));
}

void add_merging(Lines& lines, const Table& table, std::size_t row) {
  const std::string layer = lines.of_run(row, "layer " + lines.text(row, "layer"));
  if (has_column(table, "ratio")) {
    Panel* panel = lines.panel("", "expert", "mean weight / even", false);
    lines.point(panel, layer, lines.number(row, "expert"), lines.number(row, "ratio"));
  } else if (has_column(table, "segment")) {
    Panel* panel =
        lines.panel("", "first position of the segment", "entropy of weights (nats)", false);
    lines.point(panel, layer, lines.number(row, "position"), lines.number(row, "entropy"));
  } else {
    Panel* panel = lines.panel("", kLayer, "entropy of weights (nats)", false);
    lines.point(panel, lines.of_run(row, "of a merged expert"), lines.layer(row),
                lines.number(row, "entropy"));
    lines.point(panel, lines.of_run(row, "of the mean"), lines.layer(row),
                lines.number(row, "entropy_of_mean"));
    lines.point(panel, "if even", lines.layer(row), lines.number(row, "entropy_even"),
                {kNone, kNone}, true);
  }
}

void add_row(Lines& lines, const Table& table, std::size_t row) {
  const std::string& name = table.name;
  if (name == "specialisation") {
    std::string label = lines.text(row, "label");
    if (label == "previous") label += " token";
    Panel* panel = lines.panel(label, kLayer, "MI with " + label + " (nats)");
    add_with_chance(lines, table, row, panel, "information", "tokens shuffled (95 %)");
  } else if (name == "transitions") {
    Panel* panel =
        lines.panel("", std::string(kLayer) + " of the first choice", "H(next | this) / H(next)");
    add_with_chance(lines, table, row, panel, "normalised", "tokens shuffled (95 %)");
  } else if (name == "agreement") {
    const std::string pair = lines.text(row, "run") + " and " + lines.text(row, "other");
    Panel* panel = lines.panel(pair, kLayer, "share of experts in common");
    lines.point(panel, "matched", lines.layer(row), lines.number(row, "matched"));
    lines.point(panel, "matched, tokens shuffled (95 %)", lines.layer(row),
                lines.number(row, "chance"), interval_at(table, row, "chance_interval"));
  } else if (name == "repetition") {
    for (const auto& [key, title] :
         {std::pair("first", "first choice"), std::pair("either", "first or second choice")}) {
      Panel* panel = lines.panel(title, kLayer, "share of pairs of tokens");
      lines.point(panel, lines.of_run(row, "measured"), lines.layer(row), lines.number(row, key));
      lines.point(panel, lines.of_run(row, "if independent"), lines.layer(row),
                  lines.number(row, (std::string(key) + "_chance").c_str()));
    }
  } else if (name == "saturation") {
    Panel* panel = lines.panel("", "training step", "share of experts that are the last ones");
    lines.point(panel, "layer " + lines.text(row, "layer"), lines.number(row, "step"),
                lines.number(row, "saturation"));
    lines.point(panel, "k / E", lines.number(row, "step"), lines.number(row, "chance"),
                {kNone, kNone}, true);
  } else if (name == "fluctuation") {
    Panel* panel = lines.panel(lines.of_run(row, "layer " + lines.text(row, "layer")),
                               "training step", "tokens with another first choice");
    lines.point(panel, "since the step before (95 %)", lines.number(row, "next_step"),
                lines.number(row, "changed"), interval_at(table, row, "changed_interval"));
    lines.point(panel, "if independent", lines.number(row, "next_step"),
                lines.number(row, "chance"), {kNone, kNone}, true);
  } else if (name == "collapse") {
    for (const auto& [key, title] :
         {std::pair("evenness", "evenness"), std::pair("max_violation", "MaxVio")})
      lines.point(lines.panel("", kLayer, title), lines.of_run(row, title), lines.layer(row),
                  lines.number(row, key));
  } else if (name == "loss") {
    add_loss(lines, table, row);
  } else if (name == "mixing") {
    Panel* effective = lines.panel("mixed", kLayer, "effective number");
    for (const auto& [key, title] : {std::pair("dispatch_tokens", "tokens of a slot"),
                                     std::pair("combine_slots", "slots of a token")})
      lines.point(effective, lines.of_run(row, title), lines.layer(row), lines.number(row, key));
    Panel* weight = lines.panel("weight of tokens", kLayer, "sum of dispatch weights");
    for (const char* which : {"largest", "median", "least"})
      lines.point(weight, lines.of_run(row, which), lines.layer(row),
                  lines.number(row, (std::string("token_weight_") + which).c_str()));
    lines.point(weight, "if even", lines.layer(row), lines.number(row, "token_weight_even"),
                {kNone, kNone}, true);
  } else if (name == "merging") {
    add_merging(lines, table, row);
  } else {  // whatif
    const std::string title = lines.of_run(
        row, "group " + lines.text(row, "group") + ", fill " + lines.text(row, "fill"));
    const double factor = Lines::number_of(lines.text(row, "capacity_factor"));
    if (factor == 0) return;  // no limit
    Panel* panel = lines.panel(title, "capacity factor", "dropped assignments (%)");
    const std::string layer = lines.text(row, "layer");
    lines.point(panel, layer == "all" ? "all layers" : "layer " + layer, factor,
                lines.number(row, "dropped_percent"));
  }
}

}  // namespace

Figure trace_lines(const Table& table, std::size_t most_panels) {
  Lines lines(table, most_panels);
  for (std::size_t row = 0; row < table.rows.size(); ++row) add_row(lines, table, row);
  // The axis of all others is the layer.
  const std::string& name = table.name;
  const bool other = name == "saturation" || name == "fluctuation" || name == "whatif" ||
                     (name == "merging" && !has_column(table, "merged")) ||
                     has_column(table, "segment");
  return lines.finish(!other);
}

}  // namespace moesim
