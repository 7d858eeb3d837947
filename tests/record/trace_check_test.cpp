// Tests that reading every value of a file compares traces with the records of their steps.
#include "sim/record/trace_check.hpp"

#include "sim/record/reader.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

using Type = Variable::Type;
using Numbers = std::vector<double>;

// Records of the steps 0 and 4, traces of the steps 4 and 7; one layer, two experts. In step 4,
// expert 0 is asked for 3 times and serves 2.
struct Planted {
  Numbers begin = {0, 3, 4, 4, 6, 6};
  Numbers served = {1, 1, 0, 1, 1, 1};
  Numbers demand = {2, 2, 3, 1}, load = {2, 2, 2, 1}, dropped = {0, 1};
  Numbers token = {0, 1, 2, 2, 0, 1}, choice = {0, 0, 0, 1, 0, 0};
  Numbers domain = {0, 1, 0, 1, 1, 1}, loss = {0, 1, kMissing, 2, 3, 4};
  std::int64_t tokens = 3, length = 3, k_max = 2;

  void publish(const std::string& path) const {
    RunFile run;
    run.attribute("moesim_schema", kRunFileSchema);
    run.attribute("plan_kind", std::string("assignment"));
    run.attribute("trace_rows", std::string("tokens"));
    run.put(variable("record_step", Type::int64, {"record"}, {2}, {0, 4}));
    run.put(variable("demand", Type::float64, {"record", "layer", "expert"}, {2, 1, 2}, demand));
    run.put(variable("load", Type::float64, {"record", "layer", "expert"}, {2, 1, 2}, load));
    run.put(variable("dropped", Type::float64, {"record", "layer"}, {2, 1}, dropped));
    run.put(variable("assignments", Type::float64, {"record", "layer"}, {2, 1}, {4, 4}));
    run.put(variable("trace_step", Type::int64, {"trace"}, {2}, {4, 7}));
    run.put(
        variable("trace_begin", Type::int64, {"trace", "layer", "trace_bound"}, {2, 1, 3}, begin));
    run.put(variable("trace_served", Type::uint8, {"row"}, {6}, served));
    run.attribute("trace_tokens", tokens);
    run.attribute("trace_length", length);
    run.attribute("trace_pass_tokens", std::int64_t{3});
    run.attribute("trace_k_max", k_max);
    Variable names;
    names.name = "domain", names.type = Type::text, names.dims = {"domain"}, names.shape = {2};
    names.texts = {"a", "b"};
    run.put(std::move(names));
    run.put(variable("trace_token", Type::int32, {"row"}, {6}, token));
    run.put(variable("trace_choice", Type::uint8, {"row"}, {6}, choice));
    run.put(variable("trace_domain", Type::int32, {"trace", "token"}, {2, 3}, domain));
    run.put(variable("trace_loss", Type::float64, {"trace", "token"}, {2, 3}, loss));
    run.publish(path);
  }
};

}  // namespace

TEST_CASE("traces: a file is read as bytes, and compared with its records", "[record][trace]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  RunReader reader;
  Planted planted;
  const auto checked = [&] {
    planted.publish(path);
    reader.check(path);
  };
  checked();
  const RunFile read = read_run_file(path);
  CHECK(read.find("trace_served")->type == Type::uint8);
  CHECK(read.find("trace_served")->values == planted.served);
  read.publish(folder / "again.h5");
  CHECK(read_bytes(folder / "again.h5") == read_bytes(path));

  SECTION("one row more is served") {
    planted.served[2] = 1;
    CHECK_THROWS_WITH(checked(), contains("trace of step 4, layer 0: the number of served rows of "
                                          "expert 0 is 3, but load is 2"));
  }
  SECTION("a row belongs to another expert") {
    planted.begin[1] = 2;
    CHECK_THROWS_WITH(checked(), contains("the number of rows of expert 0 is 2, but demand is 3"));
  }
  SECTION("places that do not ascend") {
    planted.begin[4] = 3;
    CHECK_THROWS_WITH(checked(),
                      contains("the trace of step 7: trace_begin does not ascend: 3 follows 4"));
  }
  SECTION("places beyond the rows") {
    planted.begin[5] = 7;
    CHECK_THROWS_WITH(checked(),
                      contains("step 7: rows are missing: trace_begin names 7, and there "
                               "are 6"));
  }
  SECTION("a number of tokens that no array has") {
    planted.tokens = (std::int64_t{1} << 31) - 1;
    CHECK_THROWS_WITH(checked(), contains("trace_tokens is 2147483647, and trace_domain has "
                                          "another number of tokens, 3"));
  }
  SECTION("a sequence that does not fill a pass") {
    planted.length = 2;
    CHECK_THROWS_WITH(checked(),
                      contains("trace_length 2 does not divide the 3 trace_pass_tokens"));
  }
  SECTION("a choice beyond trace_k_max") {
    planted.choice[3] = 2;
    CHECK_THROWS_WITH(checked(), contains("trace_choice: a choice is beyond trace_k_max"));
  }
  SECTION("more choices than rows") {
    planted.k_max = 7;
    CHECK_THROWS_WITH(checked(), contains("trace_k_max 7 of 6 rows"));
  }
  SECTION("a negative loss") {
    planted.loss[4] = -1;
    CHECK_THROWS_WITH(checked(), contains("the trace of step 7: trace_loss has -1"));
  }
  SECTION("a trace that begins in the one before") {
    planted.begin[3] = 3;
    CHECK_THROWS_WITH(checked(), contains("the trace of step 7: trace_begin does not ascend"));
  }
  SECTION("a token with one choice twice") {
    planted.choice[3] = 0;
    CHECK_THROWS_WITH(
        checked(),
        contains("the trace of step 4, layer 0: trace_choice: a token has the same choice twice"));
  }
  SECTION("a token that does not exist") {
    planted.token[5] = 3;
    CHECK_THROWS_WITH(
        checked(), contains("the trace of step 7, layer 0: trace_token: a token is out of range"));
  }
  SECTION("a domain that does not exist") {
    planted.domain[4] = 2;
    CHECK_THROWS_WITH(checked(),
                      contains("the trace of step 7: trace_domain has 2, and there are 2 domains"));
  }
  SECTION("a step without a record is not compared") {
    planted.served[5] = 0;
    CHECK_NOTHROW(checked());
  }
}

TEST_CASE("traces: late choices are not told apart", "[record][trace]") {
  const std::string beyond = "trace_choice: a choice is beyond trace_k_max";
  ChoiceCheck many(3, 256), few(3, 255);
  for (int twice = 0; twice < 2; ++twice) CHECK(many.problem(0, 255) == std::string());
  CHECK(few.problem(0, 254) == std::string());
  CHECK(few.problem(0, 255) == beyond);
}

TEST_CASE("reader: rows from a place on", "[record][trace]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  Planted().publish(path);
  RunReader reader;
  Excerpt excerpt{{}, {{"trace_served", 2}, {"trace_step", 1}}};
  excerpt.first_row["trace_served"] = 1;
  const RunFile part = reader.read(path, excerpt);
  CHECK(part.find("trace_served")->values == Numbers{1, 0});
  CHECK(part.find("trace_step")->values == Numbers{7});
  excerpt.first_row["trace_served"] = 9;
  CHECK(reader.read(path, excerpt).find("trace_served")->values.empty());
}

}  // namespace moesim::testing
