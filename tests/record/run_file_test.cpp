// Tests the run file: round trip, digest, types, resumption.
#include "sim/record/run_file.hpp"

#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <limits>

namespace moesim::testing {
namespace {

using Type = Variable::Type;

bool same(const Variable& a, const Variable& b) {
  return a.name == b.name && a.type == b.type && a.dims == b.dims && a.shape == b.shape &&
         a.values == b.values && a.texts == b.texts && a.long_name == b.long_name &&
         a.units == b.units && a.growing == b.growing;
}

void require_same(const RunFile& a, const RunFile& b) {
  REQUIRE(a.variables().size() == b.variables().size());
  for (std::size_t i = 0; i < a.variables().size(); ++i) {
    INFO(a.variables()[i].name);
    REQUIRE(same(a.variables()[i], b.variables()[i]));
  }
}

TEST_CASE("run file: everything comes back as it was", "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  const RunFile run = sample();
  run.publish(path);
  const RunFile read = read_run_file(path);

  require_same(run, read);
  REQUIRE(read.attribute_order().front() == "moesim_schema");
  REQUIRE(read.attribute_order().size() == run.attribute_order().size() + 2);
  REQUIRE(read.attribute_order().back() == "sha256_blocks");
  REQUIRE(read.text("sha256_blocks") == run.digest());
  REQUIRE(read.digest() == run.digest());
  for (std::size_t i = 0; i < run.attribute_order().size(); ++i) {
    const std::string& name = run.attribute_order()[i];
    REQUIRE(read.attribute_order()[i + 1] == name);
    REQUIRE(read.attributes().at(name) == run.attributes().at(name));
  }
  REQUIRE(std::get<std::int64_t>(read.attributes().at("moesim_schema")) == kRunFileSchema);
}

TEST_CASE("run file: the digest covers every attribute and every value", "[record]") {
  const RunFile run = sample();
  for (const std::string& name : run.attribute_order()) {
    CAPTURE(name);
    RunFile other = run;
    const Attribute& value = run.attributes().at(name);
    if (const auto* text = std::get_if<std::string>(&value))
      other.attribute(name, *text + "x");
    else
      other.attribute(name, std::string("x"));
    CHECK((other.digest() != run.digest()) == (name != "moesim_schema"));
  }
  for (const Variable& variable : run.variables()) {
    CAPTURE(variable.name);
    RunFile other = run;
    Variable changed = variable;
    if (changed.type == Type::text)
      changed.texts.back() += "x";
    else
      changed.values.back() += 1;
    other.put(changed);
    CHECK(other.digest() != run.digest());
  }
}

TEST_CASE("run file: each type is stored as itself", "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  RunFile run;
  run.put(variable("a", Type::float32, {"x"}, {3}, {0.1, 1e30, -0.0}));
  run.put(variable("b", Type::float64, {"x"}, {3}, {0.1, 1e300, 5e-324}));
  run.put(variable("c", Type::int32, {"x"}, {3}, {-2147483648.0, 0, 2147483647.0}));
  run.put(variable("d", Type::int64, {"x"}, {3}, {-9007199254740992.0, 0, 9007199254740992.0}));
  run.put(variable("scalar", Type::float64, {}, {}, {42}));
  run.put(variable("four", Type::int32, {"p", "q", "r", "s"}, {1, 2, 1, 2}, {1, 2, 3, 4}));
  run.publish(path);

  const RunFile read = read_run_file(path);
  REQUIRE(read.find("a")->values == std::vector<double>{0.1f, 1e30f, -0.0f});
  for (const char* name : {"b", "c", "d", "scalar", "four"})
    REQUIRE(same(*read.find(name), *run.find(name)));
}

TEST_CASE("run file: not a number and infinities come back", "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  constexpr double kInf = std::numeric_limits<double>::infinity();
  RunFile run;
  run.put(variable("loss", Type::float32, {"step"}, {3}, {std::nan(""), kInf, -kInf}));
  run.publish(path);
  const std::vector<double> values = read_run_file(path).find("loss")->values;
  REQUIRE(std::isnan(values[0]));
  REQUIRE(values[1] == kInf);
  REQUIRE(values[2] == -kInf);
}

TEST_CASE("run file: declared, but no rows yet", "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  const RunFile run = sample(0);
  run.publish(path);
  require_same(run, read_run_file(path));
}

TEST_CASE("run file: an axis of length 0", "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  RunFile run;
  run.declare("step", Type::int64, {"step"}, {}, "step");
  run.declare("aux_loss", Type::float32, {"step", "aux"}, {0}, "no auxiliary losses");
  run.append("step", 1);
  run.append("aux_loss", std::vector<double>{});
  run.publish(path);
  require_same(run, read_run_file(path));
}

TEST_CASE("run file: many rows, many chunks", "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  RunFile run;
  run.declare("step", Type::int64, {"step"}, {}, "step");
  run.declare("wide", Type::float32, {"step", "x"}, {300}, "more than one chunk");
  std::vector<double> row(300);
  for (int i = 0; i < 1000; ++i) {
    for (int x = 0; x < 300; ++x) row[static_cast<std::size_t>(x)] = i * 7 + x;
    run.append("step", i);
    run.append("wide", row);
  }
  run.publish(path);
  require_same(run, read_run_file(path));
}

TEST_CASE("run file: a resumed run writes the bytes of an uninterrupted one", "[record]") {
  const TemporaryFolder folder;
  sample(5).publish(folder / "straight.h5");

  sample(2).publish(folder / "resumed.h5");
  RunFile run = read_run_file(folder / "resumed.h5");
  const RunFile all = sample(5);
  for (int r = 2; r < 5; ++r)
    for (const Variable& variable : all.variables()) {
      if (!variable.growing) continue;
      const auto size = static_cast<std::ptrdiff_t>(variable.values.size()) / 5;
      run.append(variable.name,
                 {variable.values.begin() + r * size, variable.values.begin() + (r + 1) * size});
    }
  run.publish(folder / "resumed.h5");
  REQUIRE(read_bytes(folder / "straight.h5") == read_bytes(folder / "resumed.h5"));
}

TEST_CASE("run file: mistakes of the recorder are named", "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  RunFile run = sample();

  REQUIRE_THROWS_WITH(run.append("lost", 1), contains("lost, which was not declared"));
  REQUIRE_THROWS_WITH(run.append("layer", 1), contains("layer, which was put whole"));
  REQUIRE_THROWS_WITH(run.append("demand", {1, 2}), contains("a row of 2 values, expected 6"));
  REQUIRE_THROWS_WITH(run.declare("loss", Type::float32, {"step"}, {}, ""),
                      contains("loss is declared twice"));
  REQUIRE_THROWS_WITH(run.declare("x", Type::float32, {"step"}, {2}, ""),
                      contains("1 dimensions for a shape of rank 2"));
  REQUIRE_THROWS_WITH(run.declare("a/b", Type::float32, {"step"}, {}, ""), contains("not a name"));
  REQUIRE_THROWS_WITH(run.put(variable("x", Type::float32, {"x"}, {3}, {1})),
                      contains("1 values for a shape of 3"));
  const std::int64_t huge = std::int64_t{1} << 32;
  REQUIRE_THROWS_WITH(run.put(variable("x", Type::float32, {"x", "y"}, {huge, huge}, {})),
                      contains("more elements than can be counted"));
  REQUIRE_THROWS_WITH(run.attribute("note", std::string("a\0b", 3)), contains("NUL"));

  SECTION("a dimension of two lengths") {
    run.append("loss", 0.5);
    REQUIRE_THROWS_WITH(run.publish(path),
                        contains("dimension step is 2 long in step and 3 in loss"));
  }
  SECTION("a variable that is named as a dimension") {
    run.put(variable("record", Type::int32, {"layer"}, {2}, {0, 0}));
    REQUIRE_THROWS_WITH(run.publish(path), contains("record has the name of a dimension"));
  }
  SECTION("no integer") {
    run.put(variable("layer", Type::int32, {"layer"}, {2}, {0, 0.5}));
    REQUIRE_THROWS_WITH(run.publish(path), contains("layer: 0.5 is no 32-bit integer"));
  }
  SECTION("too large an integer") {
    run.put(variable("layer", Type::int32, {"layer"}, {2}, {0, 2147483648.0}));
    REQUIRE_THROWS_WITH(run.publish(path), contains("no 32-bit integer"));
  }
  REQUIRE_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace moesim::testing
