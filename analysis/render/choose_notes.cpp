#include "analysis/render/choose_notes.hpp"

#include "analysis/render/escape.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moesim {
namespace {

// "± is the sample standard deviation over n = 3 seeds"; "" without deviations.
std::string about_deviations(const Table& table) {
  std::set<std::size_t> counts;
  for (const auto& row : table.rows)
    for (const Cell& cell : row)
      if (const auto* sample = std::get_if<Sample>(&cell); sample != nullptr && sample->count > 1)
        counts.insert(sample->count);
  if (counts.empty()) return "";
  if (counts.size() == 1)
    return fmt::format("mean ± sample standard deviation over n = {} seeds", *counts.begin());
  return fmt::format("mean ± sample standard deviation over n = {} to {} seeds", *counts.begin(),
                     *counts.rbegin());
}

}  // namespace

std::set<std::size_t> referred_notes(const Table& table) {
  std::set<std::size_t> all;
  for (const auto& [place, notes] : table.references) all.insert(notes.begin(), notes.end());
  return all;
}

Table without_notes(const Table& table, const std::set<std::size_t>& left_out) {
  Table chosen = table;
  chosen.notes.clear();
  chosen.references.clear();
  std::map<std::size_t, std::size_t> moved;
  for (std::size_t note = 0; note < table.notes.size(); ++note) {
    if (left_out.contains(note)) continue;
    moved[note] = chosen.notes.size();
    chosen.notes.push_back(table.notes[note]);
  }
  for (const auto& [place, notes] : table.references)
    for (const std::size_t note : notes)
      if (const auto found = moved.find(note); found != moved.end())
        chosen.references[place].insert(found->second);
  return chosen;
}

Table with_notes(const Table& table, Notes notes) {
  const std::set<std::size_t> referred = referred_notes(table);
  std::set<std::size_t> left_out;
  for (std::size_t note = 0; note < table.notes.size(); ++note)
    if (notes == Notes::none || (notes == Notes::brief && !referred.contains(note)))
      left_out.insert(note);
  Table chosen = without_notes(table, left_out);
  const std::string deviations = notes == Notes::none ? "" : about_deviations(table);
  if (deviations.empty()) return chosen;
  chosen.notes.insert(chosen.notes.begin(), deviations);
  for (auto& [place, those] : chosen.references) {
    std::set<std::size_t> moved;
    for (const std::size_t note : those) moved.insert(note + 1);
    those = moved;
  }
  return chosen;
}

}  // namespace moesim
