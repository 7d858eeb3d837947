// Tests the estimated size of records.
#include "experiments/sweep/record_cost.hpp"

#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

using Type = Variable::Type;

TEST_CASE("record cost: by the rows of each dimension, and at most a block in memory",
          "[experiments]") {
  RunFile file;
  file.declare("step", Type::int64, {"step"}, {}, "");
  file.declare("demand", Type::float64, {"record", "layer", "expert"}, {8, 4096}, "");
  file.declare("narrow", Type::float32, {"eval", "layer"}, {8}, "");
  Variable labels;
  labels.name = "layer", labels.type = Type::int32, labels.dims = {"layer"}, labels.shape = {8};
  labels.values.resize(8);
  file.put(labels);  // does not grow
  const RecordRows rows{100000, 1000, 3};
  CHECK(rows.of(*file.find("step")) == 100000);
  CHECK(rows.of(*file.find("demand")) == 1000);
  CHECK(rows.of(*file.find("narrow")) == 3);
  CHECK(rows.of(*file.find("layer")) == 0);
  CHECK(stored_bytes(file, rows) == 100000.0 * 8 + 1000.0 * 8 * 4096 * 8 + 3 * 8 * 4);
  // 8192 steps, one record, and all of what is less than a block.
  CHECK(rest_bytes(file, rows) == 8192.0 * 8 + 8 * 4096 * 8 + 3 * 8 * 4);
}

}  // namespace
}  // namespace moesim::testing
