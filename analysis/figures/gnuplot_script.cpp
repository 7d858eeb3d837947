#include "analysis/figures/gnuplot.hpp"
#include "analysis/figures/gnuplot_terminal.hpp"
#include "analysis/figures/layout.hpp"
#include "analysis/figures/quoted.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

using Kind = Panel::Kind;

constexpr const char* kGrey = "#808080";

class Script {
 public:
  Script(const Figure& figure, const FigureStyle& style, Picture picture, const FigureData& data)
      : figure_(figure),
        data_(data),
        layout_(layout_of(figure, style)),
        terminal_(terminal_of(picture, layout_, style)),
        marked_(has_marks(figure, layout_)) {}

  std::string text(const std::string& csv, const std::string& out);

 private:
  template <class... T>
  void line(fmt::format_string<T...> format, T&&... values) {
    text_ += fmt::format(format, std::forward<T>(values)...) + '\n';
  }

  std::string width(double points) const { return fmt::format("{:.2f}", points / terminal_.line); }
  std::string size(double points) const { return fmt::format("{:.2f}", points / terminal_.point); }
  std::string dash(const Stroke& stroke) const {
    if (stroke.dash.empty()) return "solid";
    std::vector<std::string> lengths;
    for (const double length : stroke.dash)
      lengths.push_back(fmt::format("{:.2f}", length / terminal_.dash));
    return "(" + fmt::format("{}", fmt::join(lengths, ",")) + ")";
  }

  void begin(const std::string& csv, const std::string& out);
  void axes(const Panel& panel, const PlacedPanel& placed, std::size_t p);
  void plot_series(const Panel& panel, std::size_t p);
  void plot_map(const Panel& panel, std::size_t p);
  void canvas();
  void legend_sample(const LegendEntry& entry, int& number);

  const Figure& figure_;
  const FigureData& data_;
  Layout layout_;
  Terminal terminal_;
  bool marked_;
  std::string text_;
};

void Script::begin(const std::string& csv, const std::string& out) {
  line("# The figure '{}' of moesim. It reads the CSV file beside it: gnuplot THIS_FILE",
       figure_.name);
  line("reset");
  line("set encoding utf8");
  line("folder = exists('ARG0') ? ARG0 : ''");
  line(
      "while (strlen(folder) > 0 && folder[strlen(folder):*] ne '/') {{ folder = "
      "folder[1:strlen(folder)-1] }}");
  line("if (strlen(folder) > 0) {{ cd folder }}");
  line("data = {}", gnuplot_quoted(csv));
  line("set terminal {}", terminal_.setting);
  line("set output {}", gnuplot_quoted(out));
  line("set datafile separator comma");
  line("set datafile commentschars ''");
  line("set multiplot");
  line("unset key");
  line("set tics nomirror out scale 0.5");
  if (figure_.panels[0].kind != Kind::heat_map) return;
  // Keeps the neutral colour in the middle of the palette for any highest value.
  const HeatMap& map = figure_.panels[0].map;
  line("low = {}; neutral = {}; high = {}", layout_.colours.low, map.neutral, layout_.colours.high);
  line(
      "shade(v) = v < neutral ? (v - neutral) / (neutral - low) : (v - neutral) / (high - "
      "neutral)");
  std::vector<std::string> stops;
  const std::vector<std::string>& colours = map_colours();
  for (std::size_t i = 0; i < colours.size(); ++i)
    stops.push_back(fmt::format(
        "{} '{}'", 2.0 * static_cast<double>(i) / static_cast<double>(colours.size() - 1) - 1,
        colours[i]));
  line("set palette defined ({})", fmt::join(stops, ", "));
  line("set cbrange [-1:1]");
}

std::string tics(const Ticks& ticks, bool labels) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < ticks.at.size(); ++i)
    words.push_back(
        fmt::format("{} {:.10g}", labels ? gnuplot_tick(ticks.labels[i]) : "''", ticks.at[i]));
  return fmt::format("({})", fmt::join(words, ", "));
}

void Script::axes(const Panel& panel, const PlacedPanel& placed, std::size_t p) {
  const Box& box = placed.box;
  line("");
  line("# Panel {}", p + 1);
  line("set lmargin at screen {:.5f}; set rmargin at screen {:.5f}", box.left / layout_.width,
       box.right() / layout_.width);
  line("set bmargin at screen {:.5f}; set tmargin at screen {:.5f}", box.bottom / layout_.height,
       box.top() / layout_.height);
  const bool map = panel.kind == Kind::heat_map;
  line("set border {} lw {}", map ? 15 : 3, width(layout_.measures.hair));
  line("{} logscale x", placed.x.logarithmic ? "set" : "unset");
  line("{} logscale y", placed.y.logarithmic ? "set" : "unset");
  line("set xrange [{:.10g}:{:.10g}]", placed.x.low, placed.x.high);
  if (map)
    line("set yrange [{:.10g}:{:.10g}]", placed.y.high, placed.y.low);
  else
    line("set yrange [{:.10g}:{:.10g}]", placed.y.low, placed.y.high);
  line("set xtics offset 0,{} {} {}", terminal_.rise,
       placed.x_slanted ? "rotate by 45 right" : "norotate", tics(placed.x, placed.x_labels));
  line("set ytics {}", tics(placed.y, placed.y_labels));
  if (map)
    line("unset grid");
  else
    line("set grid ytics back lt 1 dt solid lc rgb '#CC808080' lw {}",
         width(layout_.measures.hair));
}

void Script::plot_series(const Panel& panel, std::size_t p) {
  std::vector<std::string> clauses;
  const double thick = layout_.measures.line;
  const Ticks& y = layout_.panels[p].y;
  const auto rows = [&](std::size_t s) {
    return fmt::format("data every ::{}::{}", data_.rows[p][s].first, data_.rows[p][s].last);
  };
  const auto titled = [](const Series& series) { return "title " + gnuplot_quoted(series.name); };
  // Bands are drawn before all curves.
  for (std::size_t s = 0; s < panel.series.size(); ++s) {
    const Series& series = panel.series[s];
    if (panel.kind != Kind::curves || series.low.empty() || data_.rows[p][s].empty()) continue;
    // gnuplot does not clip a band that leaves the panel, so the band starts inside.
    SeriesRows inside = data_.rows[p][s];
    for (std::size_t i = 0; i < series.high.size() && series.high[i] > y.high; ++i) ++inside.first;
    if (inside.empty()) continue;
    clauses.push_back(fmt::format(
        "data every ::{}::{} using 3:(inside($5)):(inside($6)) with filledcurves fc rgb '{}' fs "
        "transparent solid {} "
        "noborder {}",
        inside.first, inside.last, stroke_of(series.style).colour, kBandOpacity, titled(series)));
  }
  for (std::size_t s = 0; s < panel.series.size(); ++s) {
    const Series& series = panel.series[s];
    if (series.band_only || data_.rows[p][s].empty()) continue;
    const Stroke stroke = stroke_of(series.style);
    const std::string colour = "lc rgb '" + (series.guide ? kGrey : stroke.colour) + "'";
    const bool points = panel.kind == Kind::points && !series.guide;
    if (!points || series.joined)
      clauses.push_back(fmt::format("{} using 3:4 with lines {} lw {} dt {} {}", rows(s), colour,
                                    width(series.guide ? 1.6 * layout_.measures.hair : thick),
                                    series.guide ? "solid" : dash(stroke), titled(series)));
    if (points && !series.low.empty())
      clauses.push_back(fmt::format("{} using 3:4:5:6 with yerrorbars ps 0 {} lw {} {}", rows(s),
                                    colour, width(0.7 * thick), titled(series)));
    if (points && !series.x_low.empty())
      clauses.push_back(fmt::format("{} using 3:4:7:8 with xerrorbars ps 0 {} lw {} {}", rows(s),
                                    colour, width(0.7 * thick), titled(series)));
    const int kind = point_type(stroke.mark, series.hollow);
    if (points)
      clauses.push_back(fmt::format("{} using 3:4 with points pt {} ps {} {} lw {} {}", rows(s),
                                    kind, size(layout_.measures.point), colour, width(0.8 * thick),
                                    titled(series)));
    else if (marked_ && !series.guide) {
      const MarkedPoints at = marked_points(data_.rows[p][s], s);
      clauses.push_back(fmt::format(
          "data every {}::{}::{} using 3:4 with points pt {} ps {} {} lw {} {}", at.every, at.first,
          data_.rows[p][s].last, kind, size(0.8 * layout_.measures.point), colour,
          width(0.7 * thick), titled(series)));
    }
  }
  if (clauses.empty()) clauses.push_back("NaN notitle");
  line("inside(v) = v < {0:.10g} ? {0:.10g} : v > {1:.10g} ? {1:.10g} : v", y.low, y.high);
  line("plot {}", fmt::join(clauses, ", \\\n     "));
}

void Script::plot_map(const Panel& panel, std::size_t p) {
  if (p == 0) {
    const Box& bar = layout_.colour_bar;
    line("set colorbox vertical user origin screen {:.5f},{:.5f} size screen {:.5f},{:.5f} border",
         bar.left / layout_.width, bar.bottom / layout_.height, bar.width / layout_.width,
         bar.height / layout_.height);
    Ticks shades = layout_.colours;
    for (double& at : shades.at)
      at = at < panel.map.neutral ? (at - panel.map.neutral) / (panel.map.neutral - shades.low)
                                  : (at - panel.map.neutral) / (shades.high - panel.map.neutral);
    line("set cbtics {}", tics(shades, true));
  } else {
    line("unset colorbox");
  }
  // Slightly larger than a cell, so that no seam is visible between two.
  line(
      "plot data every ::{}::{} using 3:2:($3-0.5):($3+0.52):($2-0.5):($2+0.52):(shade($4)) "
      "with boxxyerror fs solid noborder fc palette title {}",
      data_.rows[p][0].first, data_.rows[p][0].last, gnuplot_quoted(panel.title));
}

void Script::legend_sample(const LegendEntry& entry, int& number) {
  const Panel& panel = figure_.panels[entry.panel];
  const Series& series = panel.series[entry.series];
  const Stroke stroke = stroke_of(series.style);
  const Box& box = entry.sample;
  const double thick = layout_.measures.line;
  if (series.band_only) {
    line(
        "set object {} rectangle from {:.2f},{:.2f} to {:.2f},{:.2f} fc rgb '{}' fs transparent "
        "solid {:.3f} noborder",
        number++, box.left, box.bottom, box.right(), box.top(), stroke.colour,
        band_opacity(panel, entry.series));
    return;
  }
  if (series.guide) {
    line("set arrow {} from {:.2f},{:.2f} to {:.2f},{:.2f} nohead lc rgb '{}' lw {}", number++,
         box.left, box.middle(), box.right(), box.middle(), kGrey,
         width(1.6 * layout_.measures.hair));
    return;
  }
  if (panel.kind == Kind::curves || series.joined)
    line("set arrow {} from {:.2f},{:.2f} to {:.2f},{:.2f} nohead lc rgb '{}' lw {} dt {}",
         number++, box.left, box.middle(), box.right(), box.middle(), stroke.colour, width(thick),
         dash(stroke));
  if (panel.kind == Kind::points || marked_)
    line("set label {} '' at {:.2f},{:.2f} point pt {} ps {} lc rgb '{}' lw {}", number++,
         box.centre(), box.middle(), point_type(stroke.mark, series.hollow),
         size((panel.kind == Kind::points ? 1 : 0.8) * layout_.measures.point), stroke.colour,
         width(0.8 * thick));
}

void Script::canvas() {
  line("");
  line("# Titles and legend, in points from the lower left corner");
  line("unset border; unset tics; unset grid; unset logscale; unset colorbox");
  line(
      "set lmargin at screen 0; set rmargin at screen 1; set bmargin at screen 0; set tmargin at "
      "screen 1");
  line("set xrange [0:{:.2f}]; set yrange [0:{:.2f}]", layout_.width, layout_.height);
  int number = 1;
  const auto put = [&](const Text& text) {
    static const char* const anchors[] = {"left", "center", "right"};
    line("set label {} {} at {:.2f},{:.2f} {}{}", number++, gnuplot_quoted(text.text), text.x,
         text.y, anchors[static_cast<int>(text.anchor)], text.upright ? " rotate by 90" : "");
  };
  for (const Text& text : layout_.texts)
    if (!text.text.empty()) put(text);
  for (const LegendEntry& entry : layout_.legend) {
    legend_sample(entry, number);
    put(entry.text);
  }
  line("plot -1 notitle");
}

std::string Script::text(const std::string& csv, const std::string& out) {
  begin(csv, out);
  for (std::size_t p = 0; p < figure_.panels.size(); ++p) {
    axes(figure_.panels[p], layout_.panels[p], p);
    if (figure_.panels[p].kind == Kind::heat_map)
      plot_map(figure_.panels[p], p);
    else
      plot_series(figure_.panels[p], p);
  }
  canvas();
  line("unset multiplot");
  line("set output");
  return std::move(text_);
}

}  // namespace

std::string gnuplot_script(const Figure& figure, const FigureStyle& style, Picture picture,
                           const std::string& csv, const std::string& out) {
  const FigureData data = data_of(figure);
  return Script(figure, style, picture, data).text(csv, out);
}

}  // namespace moesim
