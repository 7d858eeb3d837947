// Tests the letters that link cells to notes.
#include "analysis/render/marks.hpp"

#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

TEST_CASE("marks: a letter for each note that a cell refers to, in the order of the notes",
          "[analysis]") {
  Table table;
  table.notes.assign(30, "note");
  table.references = {{{1, 0}, {28, 2}}, {{0, 3}, {0, 99}}};  // there is no note 99
  CHECK(marks_of(table) == std::map<std::size_t, std::string>{{0, "a"}, {2, "b"}, {28, "c"}});
  CHECK(marks_at(table, marks_of(table), {1, 0}) == "b,c");
  CHECK(marks_at(table, marks_of(table), {0, 3}) == "a");
  CHECK(marks_at(table, marks_of(table), {0, 0}).empty());

  for (std::size_t note = 0; note < 28; ++note) table.references[{2, note}] = {note};
  const auto marks = marks_of(table);
  CHECK(marks.at(25) == "z");
  CHECK(marks.at(26) == "aa");
  CHECK(marks.at(27) == "ab");
}

}  // namespace
}  // namespace moesim::testing
