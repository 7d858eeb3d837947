#include "analysis/report/sections.hpp"

#include "analysis/render/escape.hpp"
#include "analysis/report/configs.hpp"
#include "analysis/report/html.hpp"
#include "analysis/report/provenance.hpp"
#include "analysis/report/split.hpp"
#include "analysis/report/sweep_config.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moesim {
namespace {

std::string seeds_of(const std::vector<Arm>& arms) {
  const auto [least, most] = std::minmax_element(
      arms.begin(), arms.end(),
      [](const Arm& a, const Arm& b) { return a.complete.size() < b.complete.size(); });
  const std::size_t low = least->complete.size(), high = most->complete.size();
  if (low == high) return counted(low, "complete run") + " of each";
  return fmt::format("{} to {} complete runs of each", low, high);
}

// Returns the records of the runs of all arms.
std::vector<const Record*> records_of(const Material& material) {
  std::vector<const Record*> records;
  for (const Arm& arm : material.arms)
    for (const Outcome* run : arm.runs)
      records.push_back(
          &material.records[static_cast<std::size_t>(run - material.outcomes.data())]);
  return records;
}

// Returns a fold with a file to save and a command to run.
std::string saved_and_run(const std::string& title, const std::string& file,
                          const std::string& config, const std::string& command) {
  return html::fold(title, "<p>Save this as <code>" + html_text(file) + "</code>:</p>\n<pre>" +
                               html::lines(config) + "</pre>\n<p>and run</p>\n<pre>" +
                               html_text(command) + "</pre>\n");
}

}  // namespace

std::string table_html(const Table& table, const std::string& caption, const std::string& id) {
  return html::scroll_box(
      caption, render(table, {.format = TableFormat::html, .caption = caption, .label = id}));
}

std::string split_html(const Table& table, const std::string& key, const std::string& caption,
                       const std::string& id) {
  constexpr std::size_t kMostRows = 24;
  if (table.rows.size() <= kMostRows) return table_html(table, caption, id);
  const SplitTable split = split_by_arm(table, key);
  std::string arms;
  for (const auto& [arm, part] : split.arms)
    arms += html::fold(arm, table_html(part, arm + ", by " + key, ""));
  return table_html(split.totals, caption, id) + html::fold("Each arm by " + key, arms);
}

std::vector<std::string> lead(const Material& material) {
  const std::vector<const Record*> records = records_of(material);
  std::set<std::string> devices, dates;
  for (const Record* record : records) {
    if (!record->device.empty()) devices.insert(record->device);
    if (record->created.size() >= 10) dates.insert(record->created.substr(0, 10));
  }
  std::string where = joined({devices.begin(), devices.end()});
  if (!dates.empty()) {
    if (!where.empty()) where += "; ";
    where += "begun " + *dates.begin();
    if (dates.size() > 1) where += " to " + *dates.rbegin();
  }
  std::vector<std::string> lines{counted(records.size(), "run") + " in " +
                                 counted(material.arms.size(), "arm") + ", " +
                                 seeds_of(material.arms)};
  if (!where.empty()) lines.push_back(where);
  return lines;
}

std::string configs_section(const Material& material) {
  const ConfigComparison configs = compare_configs(material.arms);
  std::string content;
  if (!configs.keys.empty())
    content +=
        table_html(differing_settings(configs, material.arms),
                   "Settings in which arms differ. Marked is what differs from the value that more "
                   "than half of the arms have.",
                   "configs-table");
  if (!configs.without.empty())
    content += "<p>" + html_text("Without a config: " + joined(configs.without)) + "</p>\n";
  if (!configs.common.empty())
    content += html::fold(
        counted(configs.common.size(), "setting") + " in which no arms differ",
        table_html(common_settings(configs), "Settings of one value, and the arms that have them.",
                   "common-table"));
  return content;
}

std::string provenance_section(const Material& material) {
  const Provenance provenance = provenance_of(material.arms, material.outcomes, material.records);
  std::string content;
  if (!provenance.common.empty()) {
    content += "<dl>\n";
    for (const auto& [title, value] : provenance.common)
      content += "<dt>" + html_text(title) + "</dt><dd>" + html_text(value) + "</dd>\n";
    content += "</dl>\n";
  }
  return content + html::fold(counted(provenance.runs.rows.size(), "run"),
                              table_html(provenance.runs, "The runs.", "runs-table"));
}

std::string reproduction_section(const Material& material) {
  std::string arms;
  for (const Reproduction& one :
       reproductions(material.arms, material.outcomes, material.records)) {
    if (one.config.empty()) continue;
    arms += saved_and_run(one.arm, one.file, one.config, one.command);
  }
  if (arms.empty()) return arms;
  std::set<std::string> experiments;
  for (const Record* record : records_of(material))
    if (!record->experiment.empty()) experiments.insert(record->experiment);
  std::string content =
      "<p>Same program, config and data give the same bits, on any number of threads.</p>\n";
  if (const std::string sweep = sweep_config(material.arms, material.outcomes, material.records);
      !sweep.empty())
    return content + saved_and_run("all arms", "sweep.ini", sweep, "moesim run sweep.ini") +
           "<p>Or arm by arm, with every setting:</p>\n" + arms;
  std::set<std::string> folders;
  for (const std::string& name : experiments) folders.insert("runs/" + name);
  if (material.arms.size() > 1 && !folders.empty())
    content +=
        "<p>Arms of one <code>run.name</code> come to one folder, and each command replaces its "
        "plan. Afterwards compare them with <code>--all</code>, or give each its own "
        "<code>run.name=NAME</code>:</p>\n<pre>" +
        html_text("moesim compare " + joined({folders.begin(), folders.end()}, " ") + " --all") +
        "</pre>\n";
  return content + arms;
}

}  // namespace moesim
