// Builds the sections of a report that describe the runs as a whole, as HTML.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/report/record.hpp"
#include "analysis/runs/arms.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace moesim {

// Material is the input of a report. `arms` point into `outcomes`; `records` describe the same
// runs.
struct Material {
  std::vector<Outcome> outcomes;
  std::vector<Record> records;
  std::vector<Arm> arms;
  std::vector<std::string> notes;     // about runs that were left out
  std::vector<std::string> left_out;  // parts of the report that could not be made
  std::set<std::size_t> traced = {};  // outcomes whose files list assignments
};

// Returns the table in a scrolling box, with its notes below. Caption and id are text.
std::string table_html(const Table& table, const std::string& caption, const std::string& id);
// Returns a table with several rows per arm, told apart by `key`; a long one is folded by arm.
std::string split_html(const Table& table, const std::string& key, const std::string& caption,
                       const std::string& id);

// Returns the opening lines: "21 runs of 7 arms, 3 seeds each", the devices and dates.
std::vector<std::string> lead(const Material& material);
std::string configs_section(const Material& material);
std::string provenance_section(const Material& material);
std::string reproduction_section(const Material& material);

}  // namespace moesim
