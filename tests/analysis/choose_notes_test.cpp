// Tests the selection of notes (--notes) and of a paper's columns.
#include "analysis/render/choose_notes.hpp"

#include "analysis/tables/paper_columns.hpp"
#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

using Kind = Column::Kind;
using Texts = std::vector<std::string>;

Table three_notes() {
  Table table;
  table.columns = {{"arm", "arm"}, {"loss", "loss", Kind::sample, 2}};
  table.rows = {{"a", Sample{3, 1, 0.25}}, {"b", Sample{2, 2, 0.25}}};
  table.notes = {"of no cell", "b leaks", "nor this"};
  table.references = {{{1, 1}, {1}}};
  return table;
}

Texts note_keys(const Table& table) {
  Texts keys;
  for (const Column& column : table.columns) keys.push_back(column.key);
  return keys;
}

TEST_CASE("notes: all, those that cells refer to, none", "[analysis]") {
  const std::string deviations = "mean ± sample standard deviation over n = 2 to 3 seeds";
  const Table all = with_notes(three_notes(), Notes::all);
  CHECK(all.notes == Texts{deviations, "of no cell", "b leaks", "nor this"});
  CHECK(all.references == decltype(all.references){{{1, 1}, {2}}});
  const Table brief = with_notes(three_notes(), Notes::brief);
  CHECK(brief.notes == Texts{deviations, "b leaks"});
  CHECK(brief.references == decltype(brief.references){{{1, 1}, {1}}});
  const Table none = with_notes(three_notes(), Notes::none);
  CHECK(none.notes.empty());
  CHECK(none.references.empty());
}

TEST_CASE("notes: what n is, where there are deviations", "[analysis]") {
  Table table = three_notes();
  table.rows.pop_back();
  CHECK(with_notes(table, Notes::all).notes.at(0) ==
        "mean ± sample standard deviation over n = 3 seeds");
  table.rows = {{"a", Sample{1, 1, 0}}};
  CHECK(with_notes(table, Notes::all).notes.at(0) == "of no cell");
}

TEST_CASE("paper: a choice of columns, without the notes of the others", "[analysis]") {
  Table table;
  table.name = "routers";
  table.columns = {{"arm", "arm"},
                   {"seeds", "seeds", Kind::count},
                   {"eval_loss", "loss", Kind::sample, 4},
                   {"seconds_to_target", "s", Kind::number, 1},
                   {"load_cv", "load CV", Kind::number, 3}};
  table.rows = {{"a", 3.0, Sample{3, 1, 0.1}, 5.0, 0.1}, {"b", 3.0, Sample{3, 1, 0.1}, 5.0, 0.2}};
  table.notes = {"about all", "of a time", "b leaks"};
  table.references = {{{0, 3}, {1}}, {{1, 2}, {2}}};
  const Table paper = for_paper(table);
  CHECK(note_keys(paper) == Texts{"arm", "eval_loss", "load_cv"});
  CHECK(paper.notes == Texts{"about all", "b leaks"});
  CHECK(paper.references == decltype(paper.references){{{1, 1}, {1}}});
  table.rows[1][1] = 2.0;  // seeds differ
  CHECK(note_keys(for_paper(table)) == Texts{"arm", "seeds", "eval_loss", "load_cv"});
  table.name = "curves";
  CHECK(note_keys(for_paper(table)) == note_keys(table));
  table.name = "utilization";
  table.columns[3].key = "expert_0";
  CHECK(note_keys(for_paper(table)) == Texts{"arm", "seeds", "load_cv", "expert_0"});
}

}  // namespace
}  // namespace moesim::testing
