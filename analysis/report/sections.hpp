// The sections of a report that are about the runs as a whole, as HTML.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/report/record.hpp"
#include "analysis/runs/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

// What a report is made of. The arms are made of `outcomes`; `records` are of the same runs.
struct Material {
  std::vector<Outcome> outcomes;
  std::vector<Record> records;
  std::vector<Arm> arms;
  std::vector<std::string> notes;     // of the runs that were left out
  std::vector<std::string> left_out;  // parts of the report that could not be made
};

// The table in a box that scrolls; its notes below it. The caption and the id are text.
std::string table_html(const Table& table, const std::string& caption, const std::string& id);
// The same of a table with rows per arm and `key`; a long one is folded by arm.
std::string split_html(const Table& table, const std::string& key, const std::string& caption,
                       const std::string& id);

// "21 runs of 7 arms, 3 seeds each", and what ran where.
std::vector<std::string> lead(const Material& material);
std::string configs_section(const Material& material);
std::string provenance_section(const Material& material);
std::string reproduction_section(const Material& material);

}  // namespace moesim
