#include "analysis/report/plots.hpp"

#include "analysis/figures/gnuplot.hpp"
#include "analysis/render/escape.hpp"
#include "analysis/report/html.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <map>

namespace moesim {
namespace {

// Returns the caption of a figure.
const std::string& caption_of(const std::string& name) {
  static const std::map<std::string, std::string> captions{
      {"loss", "Loss over training: mean over seeds; bands are one sample standard deviation."},
      {"load", "Load of each expert over uniform, over training."},
      {"heatmap", "Load of each expert in each layer; the neutral colour is a uniform load."},
      {"drops", "Share of assignments that were dropped, over training."},
      {"entropy", "Entropy of the router's scores over log E, over training."},
      {"pareto", "Loss against cost: lower and cheaper is better."},
      {"domains", "Validation loss by domain of the data; bars are one sample standard deviation."},
      {"curves-by-key",
       "Loss against the setting that varies; bars are one sample standard deviation."}};
  static const std::string none;
  const auto found = captions.find(name);
  return found == captions.end() ? none : found->second;
}

std::string names_of(const Panel& panel) {
  std::vector<std::string> names;
  for (const Series& series : panel.series)
    if (!series.name.empty()) names.push_back(series.name);
  return joined(names);
}

}  // namespace

std::string text_alternative(const Figure& figure) {
  std::vector<std::string> panels;
  for (const Panel& panel : figure.panels) {
    const std::string title = panel.title.empty() ? "" : panel.title + ": ";
    if (panel.kind == Panel::Kind::heat_map) {
      panels.push_back(fmt::format("{}map of {} rows and {} columns", title, panel.map.rows.size(),
                                   panel.map.columns.size()));
      continue;
    }
    const std::string names = names_of(panel);
    panels.push_back(title + panel.y.title + " against " + panel.x.title +
                     (names.empty() ? "" : " of " + names));
  }
  return "Figure " + figure.name + ". " + joined(panels, "; ");
}

std::string plot_html(const Figure& figure, const std::string& svg, const std::string& caption) {
  std::string notes;
  for (const std::string& note : figure.notes) notes += "<li>" + html_text(note) + "</li>\n";
  if (!notes.empty()) notes = "<ul class=\"notes\">\n" + notes + "</ul>\n";
  // The role makes assistive technology treat the many elements as one image.
  return "<figure id=\"figure-" + html::slug(figure.name) +
         "\">\n<div class=\"plot\" role=\"img\" aria-label=\"" +
         html_text(text_alternative(figure)) + "\">\n" + svg + "</div>\n<figcaption>" +
         html_text(caption) + "\n" + notes + "</figcaption>\n</figure>\n";
}

ReportPart plot_part(const std::string& name, const Request& request,
                     const FigureOptions& options) {
  Figure figure;
  try {
    figure = figure_of(name, request, options);
  } catch (const Error& problem) {
    // The runs have no data for this figure, or no setting varies.
    if (problem.code() != Exit::data && problem.code() != Exit::usage) throw;
    return {.html = "", .left_out = "no figure " + name + ": " + problem.what()};
  }
  try {
    const std::string of_key = options.key.empty() ? "" : "-" + html::slug(options.key);
    figure.name += of_key;  // keeps ids unique in the page
    const FigureStyle style{.width = FigureStyle::Width::page, .id_prefix = name + of_key + "-"};
    std::string caption = caption_of(name);
    if (!options.key.empty())
      caption = "Loss against " + options.key + "; bars are one sample standard deviation.";
    return {.html = plot_html(figure, svg_of(figure, style), caption), .left_out = ""};
  } catch (const Error& problem) {
    return {.html = "<p class=\"quiet\">" + html_text(problem.what()) + "</p>\n", .left_out = ""};
  }
}

}  // namespace moesim
