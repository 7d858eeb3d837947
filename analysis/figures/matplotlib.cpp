#include "analysis/figures/matplotlib.hpp"

#include "analysis/figures/data.hpp"
#include "analysis/figures/layout.hpp"
#include "analysis/figures/quoted.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moesim {
namespace {

using Kind = Panel::Kind;

// The part of the script shared by all figures; numbers and names precede it.
constexpr const char* kCommon = R"(
HERE = os.path.dirname(os.path.abspath(__file__))

plt.rcParams.update({
    "font.size": TYPE, "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"],
    "svg.fonttype": "none", "pdf.fonttype": 42, "axes.linewidth": HAIR,
    "xtick.major.width": HAIR, "ytick.major.width": HAIR,
    "xtick.major.size": 0.3 * TYPE, "ytick.major.size": 0.3 * TYPE, "savefig.dpi": 300})


def number(text):
    return float(text) if text else float("nan")


def read_rows():
    """The rows of the CSV file by panel and series, or by panel where it holds maps."""
    rows = {}
    with open(os.path.join(HERE, CSV), newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = int(row["panel"]) if "value" in row else (int(row["panel"]), int(row["series"]))
            rows.setdefault(key, []).append(row)
    return rows


def column(rows, name):
    return [number(row[name]) for row in rows]


def stroke(style):
    return {"color": style["color"], "linewidth": style["width"],
            "linestyle": (0, style["dash"]) if style["dash"] else "-"}


def mark(style, size):
    return {"marker": style["marker"], "markersize": size, "color": style["color"],
            "markerfacecolor": "white" if style["hollow"] else style["color"],
            "markeredgewidth": 0.8 * LINE, "linestyle": "none"}


def draw_series(axis, rows, style, points):
    x, y = column(rows, "x"), column(rows, "y")
    low, high = column(rows, "low"), column(rows, "high")
    if style["band"] and not points:
        axis.fill_between(x, low, high, color=style["color"], alpha=BAND, linewidth=0)
    if style["line"]:
        axis.plot(x, y, **stroke(style))
    if points and style["marker"]:
        for name in ("y", "x"):
            ends = (low, high) if name == "y" else (column(rows, "x_low"), column(rows, "x_high"))
            middle = y if name == "y" else x
            if not style["band"] or any(end != end for end in ends[0]):
                continue
            bars = [[m - a for m, a in zip(middle, ends[0])], [b - m for m, b in zip(middle, ends[1])]]
            axis.errorbar(x, y, **{name + "err": bars}, fmt="none", ecolor=style["color"],
                          elinewidth=0.7 * LINE, capsize=0.2 * TYPE, capthick=0.7 * LINE)
        axis.plot(x, y, **mark(style, POINT))
    elif style["marker"]:
        axis.plot(x, y, markevery=style["markevery"], **mark(style, 0.8 * POINT))


def draw_map(axis, rows, panel):
    height, width = panel["shape"]
    values = [[float("nan")] * width for _ in range(height)]
    for row in rows:
        values[int(row["row"])][int(row["column"])] = number(row["value"])
    colours = LinearSegmentedColormap.from_list("load", COLOURS)
    return axis.pcolormesh([i - 0.5 for i in range(width + 1)], [i - 0.5 for i in range(height + 1)],
                           values, cmap=colours, norm=TwoSlopeNorm(NEUTRAL, LOW, HIGH))


def place(axis, panel):
    for name, ticks in (("x", panel["x"]), ("y", panel["y"])):
        if ticks["log"]:
            getattr(axis, f"set_{name}scale")("log")
        getattr(axis, f"set_{name}lim")(*ticks["limits"])
        getattr(axis, f"set_{name}ticks")(ticks["at"], labels=ticks["labels"])
        getattr(axis, f"{name}axis").set_minor_locator(NullLocator())
    if panel["slanted"]:
        plt.setp(axis.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")


def draw():
    figure = plt.figure(figsize=(WIDTH / 72, HEIGHT / 72))
    rows, axes, drawn = read_rows(), [], None
    for place_in_file, panel in enumerate(PANELS, 1):
        axis = figure.add_axes(panel["box"])
        place(axis, panel)
        if "shape" in panel:
            drawn = draw_map(axis, rows[place_in_file], panel)
        else:
            axis.spines[["top", "right"]].set_visible(False)
            axis.grid(axis="y", color="#808080", alpha=0.2, linewidth=HAIR)
            axis.set_axisbelow(True)
            for style in panel["series"]:
                draw_series(axis, rows.get((place_in_file, style["number"]), []), style, panel["points"])
        axes.append(axis)
    if drawn is not None:
        bar = figure.colorbar(drawn, cax=figure.add_axes(BAR["box"]))
        bar.set_ticks(BAR["at"], labels=BAR["labels"])
    for text, x, y, anchor, turn in TEXTS:
        figure.text(x / WIDTH, y / HEIGHT, text, ha=anchor, va="center", rotation=turn,
                    rotation_mode="anchor")
    for text, (x, y), (left, bottom, width, height), style, points in LEGEND:
        figure.text(x / WIDTH, y / HEIGHT, text, ha="left", va="center")
        if style["only_band"]:
            figure.add_artist(Rectangle(
                (left / WIDTH, bottom / HEIGHT), width / WIDTH, height / HEIGHT,
                transform=figure.transFigure, color=style["color"], alpha=style["shade"], linewidth=0))
            continue
        middle = (bottom + height / 2) / HEIGHT
        if style["line"]:
            figure.add_artist(Line2D([left / WIDTH, (left + width) / WIDTH], [middle, middle],
                                     **stroke(style)))
        if style["marker"]:
            figure.add_artist(Line2D([(left + width / 2) / WIDTH], [middle],
                                     **mark(style, POINT if points else 0.8 * POINT)))
    return figure, axes


figure, axes = draw()
if __name__ == "__main__":
    figure.savefig(os.path.join(HERE, OUT))
)";

std::string texts(const std::vector<std::string>& all) {
  std::vector<std::string> quoted;
  for (const std::string& text : all) quoted.push_back(python_quoted(text));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

std::string numbers(const std::vector<double>& all) {
  std::vector<std::string> words;
  for (const double value : all) words.push_back(fmt::format("{:.10g}", value));
  return fmt::format("[{}]", fmt::join(words, ", "));
}

const char* boolean(bool value) { return value ? "True" : "False"; }

std::string marker(Mark mark) {
  switch (mark) {
    case Mark::circle:
      return "\"o\"";
    case Mark::square:
      return "\"s\"";
    case Mark::triangle:
      return "\"^\"";
    case Mark::triangle_down:
      return "\"v\"";
    case Mark::diamond:
      return "\"D\"";
  }
  return "None";
}

std::string box(const Box& box, const Layout& layout) {
  return fmt::format("({:.5f}, {:.5f}, {:.5f}, {:.5f})", box.left / layout.width,
                     box.bottom / layout.height, box.width / layout.width,
                     box.height / layout.height);
}

std::string axis(const Ticks& ticks, bool labels, bool reversed) {
  const double first = reversed ? ticks.high : ticks.low, last = reversed ? ticks.low : ticks.high;
  return fmt::format("dict(limits=({:.10g}, {:.10g}), log={}, at={}, labels={})", first, last,
                     boolean(ticks.logarithmic), numbers(ticks.at),
                     texts(labels ? ticks.labels : std::vector<std::string>(ticks.at.size())));
}

std::string style_of(const Panel& panel, std::size_t s, const SeriesRows& rows, bool marked,
                     const Measures& measures) {
  const Series& series = panel.series[s];
  const Stroke stroke = stroke_of(series.style);
  const bool points = panel.kind == Kind::points && !series.guide;
  const bool line = !series.band_only && (!points || series.joined);
  const bool marks = !series.guide && !series.band_only && (points || marked);
  const MarkedPoints at = rows.empty() ? MarkedPoints{1, 0} : marked_points(rows, s);
  return fmt::format(
      "dict(number={}, name={}, color=\"{}\", dash={}, width={}, marker={}, hollow={}, line={}, "
      "band={}, only_band={}, shade={:.3f}, markevery=({}, {}))",
      s + 1, python_quoted(series.name), series.guide ? "#808080" : stroke.colour,
      numbers(series.guide ? std::vector<double>() : stroke.dash),
      series.guide ? 1.6 * measures.hair : measures.line,
      marks ? marker(stroke.mark) : std::string("None"), boolean(series.hollow), boolean(line),
      boolean(!series.low.empty()), boolean(series.band_only),
      series.band_only ? band_opacity(panel, s) : 0, at.first - rows.first, at.every);
}

}  // namespace

std::string matplotlib_script(const Figure& figure, const FigureStyle& style,
                              const std::string& csv, const std::string& out) {
  const Layout layout = layout_of(figure, style);
  const FigureData data = data_of(figure);
  const Measures& m = layout.measures;
  const bool marked = has_marks(figure, layout);
  std::string text = fmt::format(
      "#!/usr/bin/env python3\n"
      "# The figure '{}' of moesim. It reads the CSV file beside it: python3 THIS_FILE\n"
      "import csv\nimport os\n\nimport matplotlib.pyplot as plt\n"
      "from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm\n"
      "from matplotlib.lines import Line2D\nfrom matplotlib.patches import Rectangle\n"
      "from matplotlib.ticker import NullLocator\n\n",
      figure.name);
  text += fmt::format("CSV = {}\nOUT = {}\n\n", python_quoted(csv), python_quoted(out));
  text += "# Lengths are points, 1/72 inch.\n";
  text += fmt::format(
      "WIDTH, HEIGHT = {:.2f}, {:.2f}\nTYPE, LINE, HAIR, POINT, BAND = {}, {}, {}, {}, {}\n\n",
      layout.width, layout.height, m.type, m.line, m.hair, m.point, kBandOpacity);
  text += "PANELS = [\n";
  for (std::size_t p = 0; p < figure.panels.size(); ++p) {
    const Panel& panel = figure.panels[p];
    const PlacedPanel& placed = layout.panels[p];
    const bool map = panel.kind == Kind::heat_map;
    text += fmt::format(
        "    dict(title={}, box={}, points={}, slanted={},\n         x={},\n         y={},\n",
        python_quoted(panel.title), box(placed.box, layout), boolean(panel.kind == Kind::points),
        boolean(placed.x_slanted), axis(placed.x, placed.x_labels, false),
        axis(placed.y, placed.y_labels, map));
    if (map) {
      text += fmt::format("         shape=({}, {})),\n", panel.map.rows.size(),
                          panel.map.columns.size());
      continue;
    }
    text += "         series=[\n";
    for (std::size_t s = 0; s < panel.series.size(); ++s)
      text += "             " + style_of(panel, s, data.rows[p][s], marked, m) + ",\n";
    text += "         ]),\n";
  }
  text += "]\n\nTEXTS = [\n";
  static const char* const anchors[] = {"left", "center", "right"};
  for (const Text& t : layout.texts)
    text += fmt::format("    ({}, {:.2f}, {:.2f}, \"{}\", {}),\n", python_quoted(t.text), t.x, t.y,
                        anchors[static_cast<int>(t.anchor)], t.upright ? 90 : 0);
  text += "]\n\nLEGEND = [\n";
  for (const LegendEntry& entry : layout.legend) {
    const Panel& panel = figure.panels[entry.panel];
    text += fmt::format(
        "    ({}, ({:.2f}, {:.2f}), ({:.2f}, {:.2f}, {:.2f}, {:.2f}),\n     {}, {}),\n",
        python_quoted(entry.text.text), entry.text.x, entry.text.y, entry.sample.left,
        entry.sample.bottom, entry.sample.width, entry.sample.height,
        style_of(panel, entry.series, {0, 0}, marked, m), boolean(panel.kind == Kind::points));
  }
  text += "]\n";
  if (!figure.panels.empty() && figure.panels[0].kind == Kind::heat_map)
    text += fmt::format(
        "\nCOLOURS = {}\nLOW, NEUTRAL, HIGH = {:.10g}, {:.10g}, {:.10g}\nBAR = dict(box={}, at={}, "
        "labels={})\n",
        texts(map_colours()), layout.colours.low, figure.panels[0].map.neutral, layout.colours.high,
        box(layout.colour_bar, layout), numbers(layout.colours.at), texts(layout.colours.labels));
  return text + kCommon;
}

}  // namespace moesim
