#include "analysis/figures/build.hpp"

#include "analysis/figures/figures.hpp"
#include "analysis/render/escape.hpp"
#include "sim/core/error.hpp"

#include <utility>

namespace moesim {
namespace {

using Builder = Built (*)(const Request&, const FigureOptions&);

const std::vector<std::pair<std::string, Builder>>& builders() {
  static const std::vector<std::pair<std::string, Builder>> all = {
      {"loss", loss_figure},       {"load", load_figure},           {"heatmap", heatmap_figure},
      {"drops", drops_figure},     {"entropy", entropy_figure},     {"pareto", pareto_figure},
      {"domains", domains_figure}, {"curves-by-key", swept_figure},
  };
  return all;
}

}  // namespace

const std::vector<std::string>& figure_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, builder] : builders()) all.push_back(name);
    return all;
  }();
  return names;
}

Figure figure_of(const std::string& name, const Request& request, const FigureOptions& options) {
  for (const auto& [known, builder] : builders()) {
    if (known != name) continue;
    Built built = builder(request, options);
    built.figure.name = name;
    built.figure.notes = std::move(built.gathered.notes);
    return std::move(built.figure);
  }
  const std::string near = nearest(name, figure_names());
  fail(Exit::usage, "--figure " + terminal_safe(name) + ": " +
                        (near.empty() ? "choose one of " + joined(figure_names())
                                      : "did you mean " + near + "?"));
}

}  // namespace moesim
