#include "analysis/report/split.hpp"

#include "analysis/render/choose_columns.hpp"

#include <algorithm>
#include <map>

namespace moesim {
namespace {

std::string text_at(const std::vector<Cell>& row, std::size_t column) {
  const auto* text = column < row.size() ? std::get_if<std::string>(&row[column]) : nullptr;
  return text == nullptr ? "" : *text;
}

}  // namespace

Table with_rows(const Table& table, const std::vector<std::size_t>& rows) {
  Table part = table;
  part.rows.clear();
  part.bold.clear();
  part.references.clear();
  std::map<std::size_t, std::size_t> places;  // old to new
  for (const std::size_t row : rows) {
    places[row] = part.rows.size();
    part.rows.push_back(table.rows[row]);
  }
  for (const Table::Place& place : table.bold)
    if (const auto row = places.find(place.row); row != places.end())
      part.bold.insert({row->second, place.column});
  for (const auto& [place, notes] : table.references)
    if (const auto row = places.find(place.row); row != places.end())
      part.references[{row->second, place.column}] = notes;
  return part;
}

Table without_notes(const Table& table, const std::vector<std::string>& notes) {
  Table rest = table;
  rest.notes.clear();
  rest.references.clear();
  std::map<std::size_t, std::size_t> places;  // old to new
  for (std::size_t n = 0; n < table.notes.size(); ++n) {
    if (std::find(notes.begin(), notes.end(), table.notes[n]) != notes.end()) continue;
    places[n] = rest.notes.size();
    rest.notes.push_back(table.notes[n]);
  }
  for (const auto& [place, all] : table.references)
    for (const std::size_t n : all)
      if (const auto kept = places.find(n); kept != places.end())
        rest.references[place].insert(kept->second);
  return rest;
}

SplitTable split_by_arm(const Table& table, const std::string& key) {
  const std::size_t none = table.columns.size(), arm = column_of(table, "arm").value_or(none),
                    layer = column_of(table, key).value_or(none);
  std::vector<std::string> names;
  std::map<std::string, std::vector<std::size_t>> rows;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const std::string name = text_at(table.rows[row], arm);
    if (!rows.contains(name)) names.push_back(name);
    rows[name].push_back(row);
  }
  SplitTable split;
  std::vector<std::size_t> totals;
  for (const std::string& name : names) {
    const std::vector<std::size_t>& own = rows[name];
    const auto total = std::find_if(own.begin(), own.end(), [&](std::size_t row) {
      return text_at(table.rows[row], layer) == "all";
    });
    totals.push_back(total == own.end() ? own.front() : *total);
    Table part = with_rows(table, own);
    part.notes.clear();
    part.references.clear();
    split.arms.emplace_back(name, std::move(part));
  }
  split.totals = with_rows(table, totals);
  return split;
}

}  // namespace moesim
