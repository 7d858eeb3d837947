#include "analysis/report/report.hpp"

#include "analysis/render/escape.hpp"
#include "analysis/report/certificates.hpp"
#include "analysis/report/configs.hpp"
#include "analysis/report/html.hpp"
#include "analysis/report/page.hpp"
#include "analysis/report/sections.hpp"
#include "analysis/tables/ablation.hpp"
#include "analysis/tables/domains.hpp"
#include "analysis/tables/utilization.hpp"
#include "analysis/tables/verdict.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <functional>
#include <set>

namespace moesim {
namespace {

Material material_of(const Request& request, const ReportOptions& options) {
  Material material;
  std::vector<Record> records;
  Loaded loaded = load_runs(
      request, {}, [&](const Run& run, std::size_t) { records.push_back(record_of(run)); });
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

// True if arms differ in more than the name of the router and what follows from it.
bool is_ablation(const Material& material) {
  const std::vector<std::string> keys = compare_configs(material.arms).keys;
  return std::any_of(keys.begin(), keys.end(),
                     [](const std::string& key) { return key != "router.name"; });
}

std::string verdict_section(const Material& material, const ReportOptions& options) {
  std::vector<std::string> sentences;
  for (const std::string& sentence : verdict(material.arms, options.baseline))
    sentences.push_back(html_text(sentence));
  std::string content = html::list(sentences);
  if (!material.notes.empty())
    content += "<p class=\"quiet\"><a href=\"#notes\">Something was left out.</a></p>\n";
  return content;
}

std::string notes_section(const Material& material) {
  std::vector<std::string> notes;
  for (const std::string& note : material.notes) notes.push_back(html_text(note));
  for (const std::string& what : material.left_out) notes.push_back(html_text(what));
  return html::list(notes);
}

// The table, or none, with the reason among the notes. What was left out of all tables is said
// once.
std::string optional_table(Material& material, const std::string& what,
                           const std::function<Table()>& make,
                           const std::function<std::string(const Table&)>& set) {
  try {
    Table table = make();
    std::erase_if(table.notes, [&](const std::string& note) {
      return std::find(material.notes.begin(), material.notes.end(), note) != material.notes.end();
    });
    return table.rows.empty() ? "" : set(table);
  } catch (const Error& problem) {
    if (problem.code() != Exit::data && problem.code() != Exit::usage) throw;
    material.left_out.push_back("no " + what + ": " + problem.what());
    return {};
  }
}

}  // namespace

std::string report(const Request& request, const ReportOptions& options) {
  Material material = material_of(request, options);
  html::Page page{.title = options.title.empty() ? title_of(material) : options.title,
                  .lead = lead(material),
                  .generator = options.generator,
                  .sections = {}};
  const auto add = [&](const char* id, const char* title, std::string content) {
    page.sections.push_back({id, title, std::move(content)});
  };
  add("verdict", "Verdict", verdict_section(material, options));
  add("routers", "Routers",
      table_html(routers_table(material.outcomes, {.baseline = options.baseline,
                                                   .target = options.target,
                                                   .at = options.at,
                                                   .columns = {},
                                                   .arms = options.arms}),
                 "One row per arm: mean ± sample standard deviation over seeds.", "routers-table"));
  if (is_ablation(material))
    add("ablation", "Ablation",
        table_html(ablation_table(material.outcomes, {.baseline = options.baseline,
                                                      .target = options.target,
                                                      .at = options.at,
                                                      .arms = options.arms}),
                   "What changes against the baseline, and what the loss is then.",
                   "ablation-table"));
  const Request again{.paths = request.paths,
                      .all = request.all,
                      .status_of = request.status_of};  // unreadable files were named
  add("utilization", "Utilization",
      optional_table(
          material, "table of utilization",
          [&] { return utilization_table(again, {.at = options.at, .arms = options.arms}); },
          [](const Table& table) {
            return split_html(table, "layer",
                              "How evenly experts are used: load of an expert over uniform.",
                              "utilization-table");
          }));
  add("domains", "Domains",
      optional_table(
          material, "table of domains",
          [&] { return domains_table(again, {.at = options.at, .arms = options.arms}); },
          [](const Table& table) {
            return split_html(table, "domain",
                              "Loss and load by domain of the data, and how far experts "
                              "specialise in domains.",
                              "domains-table");
          }));
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
