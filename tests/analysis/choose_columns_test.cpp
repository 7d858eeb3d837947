// Tests the selection of columns by key (--columns).
#include "analysis/render/choose_columns.hpp"

#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

TEST_CASE("columns: chosen by key, in the order that was asked for", "[analysis]") {
  Table table;
  table.name = "routers";
  table.columns = {{"arm", "arm"}, {"loss", "loss"}, {"n", "seeds"}};
  table.rows = {{"a", "1", "2"}, {"b", "3", "4"}};
  table.notes = {"note"};
  table.bold = {{0, 0}, {1, 1}};
  table.references = {{{1, 2}, {0}}, {{0, 0}, {0}}};
  const Table chosen = with_columns(table, {"n", "loss"});
  CHECK(render(chosen, TableFormat::csv) == "n,loss\r\n2,1\r\n4,3\r\n");
  CHECK(chosen.bold == std::set<Table::Place>{{1, 1}});
  CHECK(chosen.references == std::map<Table::Place, std::set<std::size_t>>{{{1, 0}, {0}}});
  CHECK(chosen.notes == table.notes);
  REQUIRE_THROWS_WITH(with_columns(table, {"lost"}),
                      "the table of routers has no column 'lost': did you mean loss? there are "
                      "arm, loss, n");
}

}  // namespace
}  // namespace moesim::testing
