// Tests rows in blocks: removal of the last row, moving to another store.
#include "sim/record/rows.hpp"

#include "sim/record/block.hpp"
#include "sim/record/block_store.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

constexpr int kRows = 2 * 8192;  // a block of single values is 8192 rows

RunFile grown(int rows) {
  RunFile file;
  for (const auto& [name, type] : {std::pair{"whole", Variable::Type::int64},
                                   {"small", Variable::Type::int32},
                                   {"number", Variable::Type::float64},
                                   {"single", Variable::Type::float32}})
    file.declare(name, type, {"eval"}, {}, "numbers");
  file.declare("other", Variable::Type::float64, {"step"}, {}, "of another axis");
  for (int i = 0; i < rows; ++i) {
    for (const char* name : {"whole", "small"}) file.append(name, 3.0 * i - 7);
    for (const char* name : {"number", "single"}) file.append(name, i / 4.0);
  }
  file.append("other", 1);
  file.finish_blocks();
  return file;
}

TEST_CASE("rows: the last goes, from a finished block too", "[record]") {
  for (const int rows : {1, 2, kRows, kRows + 1}) {
    CAPTURE(rows);
    RunFile file = grown(rows);
    drop_last_row(file, "eval");
    CHECK(file.bytes() == grown(rows - 1).bytes());
    CHECK(file.digest() == grown(rows - 1).digest());
  }
  RunFile none = grown(0);
  drop_last_row(none, "eval");
  CHECK(none.bytes() == grown(0).bytes());
}

TEST_CASE("rows: blocks move to another store, in a file", "[record]") {
  const TemporaryFolder folder;
  RunFile file = grown(kRows);
  const std::string before = file.bytes();
  {
    const auto store = std::make_shared<BlockStore>(folder / "blocks");
    move_blocks(file, store);
    CHECK(file.block_store() == store);
    CHECK(store->blocks().size() == 4);
  }
  CHECK(file.bytes() == before);
  CHECK(file.find("number")->blocks.size() == 2);
}

}  // namespace
}  // namespace moesim::testing
