#include "analysis/render/marks.hpp"

#include <set>

namespace moesim {
namespace {

// Returns "a" for 0, "z" for 25, "aa" for 26.
std::string letters(std::size_t number) {
  std::string text(1, static_cast<char>('a' + number % 26));
  return number < 26 ? text : letters(number / 26 - 1) + text;
}

}  // namespace

std::map<std::size_t, std::string> marks_of(const Table& table) {
  std::set<std::size_t> notes;
  for (const auto& [place, referred] : table.references)
    for (const std::size_t note : referred)
      if (note < table.notes.size()) notes.insert(note);
  std::map<std::size_t, std::string> marks;
  for (const std::size_t note : notes) marks.emplace(note, letters(marks.size()));
  return marks;
}

std::string marks_at(const Table& table, const std::map<std::size_t, std::string>& marks,
                     Table::Place place) {
  std::string text;
  const auto referred = table.references.find(place);
  if (referred == table.references.end()) return text;
  for (const std::size_t note : referred->second)
    if (const auto mark = marks.find(note); mark != marks.end())
      text += (text.empty() ? "" : ",") + mark->second;
  return text;
}

}  // namespace moesim
