#include "analysis/report/report.hpp"

#include "analysis/render/escape.hpp"
#include "analysis/report/certificates.hpp"
#include "analysis/report/configs.hpp"
#include "analysis/report/explorer.hpp"
#include "analysis/report/html.hpp"
#include "analysis/report/page.hpp"
#include "analysis/report/plots.hpp"
#include "analysis/report/sections.hpp"
#include "analysis/report/split.hpp"
#include "analysis/tables/ablation.hpp"
#include "analysis/tables/domains.hpp"
#include "analysis/tables/utilization.hpp"
#include "analysis/tables/verdict.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>

namespace moesim {
namespace {

// True for a file that lists assignments and describes no run, as those of moesim route.
bool is_routed_text(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) return false;
  try {
    RunReader reader;
    const Run run = read_run(
        path, reader, {.attributes = {"moesim_schema", "trace_rows", "status"}, .last_rows = {}});
    return run.has("trace_rows") && !run.has("status");
  } catch (const Error& problem) {
    if (problem.code() != Exit::data) throw;
    return false;  // load_runs says what it is
  }
}

Material material_of(const Request& request, const ReportOptions& options) {
  Material material;
  std::vector<Record> records;
  Loaded loaded = load_runs(request, {}, [&](const Run& run, std::size_t place) {
    records.push_back(record_of(run));
    if (run.file.text("trace_rows") == "tokens") material.traced.insert(place);
  });
  material.outcomes = std::move(loaded.outcomes);
  material.notes = std::move(loaded.notes);
  material.records = std::move(records);
  material.arms = arms_named(arms_of(material.outcomes), options.arms);
  return material;
}

std::string title_of(const Material& material) {
  std::set<std::string> experiments;
  for (const Record& record : material.records)
    if (!record.experiment.empty()) experiments.insert(record.experiment);
  return experiments.empty() ? "Runs" : joined({experiments.begin(), experiments.end()});
}

// Returns true if arms differ in more than the router's name and the options that depend on it.
bool is_ablation(const Material& material) {
  const std::vector<std::string> keys = compare_configs(material.arms).keys;
  return std::any_of(keys.begin(), keys.end(),
                     [](const std::string& key) { return key != "router.name"; });
}

std::string verdict_section(const Material& material, const std::vector<std::string>& verdict) {
  std::vector<std::string> sentences;
  for (const std::string& sentence : verdict) sentences.push_back(html_text(sentence));
  std::string content = html::list(sentences);
  if (!material.notes.empty())
    content += "<p class=\"quiet\"><a href=\"#notes\">Some runs were left out.</a></p>\n";
  return content;
}

std::string notes_section(const Material& material) {
  std::vector<std::string> notes;
  for (const std::string& note : material.notes) notes.push_back(html_text(note));
  for (const std::string& what : material.left_out) notes.push_back(html_text(what));
  return html::list(notes);
}

// Returns the table without notes printed elsewhere, or the reason why it is missing. Unknown arms
// and evaluations were already rejected by the routers table.
ReportPart table_part(const std::string& name, const std::vector<std::string>& said,
                      const std::function<Table()>& make,
                      const std::function<std::string(const Table&)>& set) {
  try {
    const Table table = without_notes(make(), said);
    return {.html = table.rows.empty() ? "" : set(table), .left_out = ""};
  } catch (const Error& problem) {
    if (problem.code() != Exit::data && problem.code() != Exit::usage) throw;
    return {.html = "", .left_out = "no table of " + name + ": " + problem.what()};
  }
}

// The files whose routing is shown: those of moesim route and import-trace; without any, the first
// run with traces of every arm.
std::vector<std::string> explored_files(const Material& material,
                                        const std::vector<std::string>& texts) {
  std::vector<std::string> files = texts, runs;
  for (const Arm& arm : material.arms) {
    bool first = true;
    for (const Outcome* run : arm.complete) {
      const auto place = static_cast<std::size_t>(run - material.outcomes.data());
      if (!material.traced.contains(place)) continue;
      if (run->router == "imported")
        files.push_back(run->path);
      else if (first)
        runs.push_back(run->path);
      first = false;
    }
  }
  return files.empty() ? runs : files;
}

// Reread makes the tables and figures that each read all runs again.
struct Reread {
  std::string utilization, domains, figures, routing;
};

Reread reread(const Request& request, const ReportOptions& options,
              const std::vector<std::string>& texts, Material& material) {
  const Request again{.paths = request.paths,
                      .all = request.all,
                      .status_of = request.status_of};  // unreadable files were already reported
  std::vector<std::function<ReportPart()>> makers{
      [&] {
        return table_part(
            "utilization", material.notes,
            [&] { return utilization_table(again, {.at = options.at, .arms = options.arms}); },
            [](const Table& table) {
              return split_html(table, "layer",
                                "How evenly experts are used: load of an expert over uniform.",
                                "utilization-table");
            });
      },
      [&] {
        return table_part(
            "domains", material.notes,
            [&] { return domains_table(again, {.at = options.at, .arms = options.arms}); },
            [](const Table& table) {
              return split_html(table, "domain",
                                "Loss and load by domain of the data, and how far experts "
                                "specialise in domains.",
                                "domains-table");
            });
      },
      [&] { return explorer_part(texts); }};
  const std::size_t tables = makers.size();
  for (const std::string& name : figure_names())
    if (name != "curves-by-key")
      makers.emplace_back(
          [&, name] { return plot_part(name, again, {.arms = options.arms, .at = options.at}); });
  constexpr std::size_t kMostKeys = 3;
  std::vector<std::string> keys = swept_keys(material.arms);
  if (keys.size() > kMostKeys) keys.resize(kMostKeys);
  for (const std::string& key : keys)
    makers.emplace_back([&, key] {
      return plot_part("curves-by-key", again,
                       {.arms = options.arms, .at = options.at, .key = key});
    });
  const std::vector<ReportPart> parts = make_parts(makers);
  Reread made{.utilization = parts[0].html,
              .domains = parts[1].html,
              .figures = "",
              .routing = parts[2].html};
  for (std::size_t p = 0; p < parts.size(); ++p) {
    if (!parts[p].left_out.empty()) material.left_out.push_back(parts[p].left_out);
    // The line about a missing gnuplot is printed only once.
    if (p >= tables && made.figures.find(parts[p].html) == std::string::npos)
      made.figures += parts[p].html;
  }
  return made;
}

// The page of files without a run.
std::string page_of_texts(const std::vector<std::string>& texts, const ReportOptions& options) {
  ReportPart routing = explorer_part(texts);
  if (routing.html.empty()) fail(Exit::data, routing.left_out);
  Material none;
  if (!routing.left_out.empty()) none.left_out.push_back(routing.left_out);
  return html::document({.title = options.title.empty() ? "Routing of a text" : options.title,
                         .lead = {},
                         .generator = options.generator,
                         .sections = {{"routing", "Routing of a text", std::move(routing.html)},
                                      {"notes", "Left out", notes_section(none)}}});
}

}  // namespace

std::string report(const Request& given, const ReportOptions& options) {
  Request request = given;
  const auto text = std::stable_partition(request.paths.begin(), request.paths.end(),
                                          [](const auto& path) { return !is_routed_text(path); });
  const std::vector<std::string> texts(text, request.paths.end());
  request.paths.erase(text, request.paths.end());
  if (request.paths.empty()) return page_of_texts(texts, options);
  Material material = material_of(request, options);
  html::Page page{.title = options.title.empty() ? title_of(material) : options.title,
                  .lead = lead(material),
                  .generator = options.generator,
                  .sections = {}};
  const auto add = [&](const char* id, const char* title, std::string content) {
    page.sections.push_back({id, title, std::move(content)});
  };
  const std::vector<std::string> sentences = verdict(material.arms, options.baseline);
  add("verdict", "Verdict", verdict_section(material, sentences));
  add("routers", "Routers",
      table_html(without_notes(routers_table(material.outcomes, {.baseline = options.baseline,
                                                                 .target = options.target,
                                                                 .at = options.at,
                                                                 .columns = {},
                                                                 .arms = options.arms}),
                               sentences),
                 "One row per arm: mean ± sample standard deviation over seeds.", "routers-table"));
  if (is_ablation(material))
    add("ablation", "Ablation",
        table_html(ablation_table(material.outcomes, {.baseline = options.baseline,
                                                      .target = options.target,
                                                      .at = options.at,
                                                      .arms = options.arms}),
                   "What changes against the baseline, and what the loss is then.",
                   "ablation-table"));
  Reread more = reread(request, options, explored_files(material, texts), material);
  add("utilization", "Utilization", std::move(more.utilization));
  add("domains", "Domains", std::move(more.domains));
  add("figures", "Figures", std::move(more.figures));
  add("routing", "Routing of a text", std::move(more.routing));
  add("certificates", "Certificates",
      table_html(certificates(material.arms, material.outcomes, material.records),
                 "What the output of a token may depend on: as the router declares, and as it was "
                 "measured on the trained model.",
                 "certificates-table"));
  add("configs", "Configs", configs_section(material));
  add("provenance", "Provenance", provenance_section(material));
  add("reproduction", "Reproduction", reproduction_section(material));
  add("notes", "Left out", notes_section(material));
  return html::document(page);
}

}  // namespace moesim
