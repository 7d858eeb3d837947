// Tests moesim whatif's table with a planted trace, worked out by hand.
#include "analysis/traces/whatif.hpp"

#include "analysis/traces/forensics.hpp"
#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <utility>

namespace moesim::testing {
namespace {

using Type = Variable::Type;
using Numbers = std::vector<double>;

const std::string kOwn = "capacity_rounding = ceil\ngroup = sequence\nfill = token\n";

// Two sequences of two tokens, two experts, k = 1, one layer. Tokens 0, 1, 2 ask for expert 0 with
// gates 0.5, 0.875, 0.75, and token 3 asks for expert 1 with 0.375. Their sum is 2.5.
RunFile planted(const std::string& settings = kOwn, const std::string& rows = "tokens") {
  RunFile run;
  run.attribute("moesim_schema", kRunFileSchema);
  run.attribute("run_id", std::string("planted"));
  run.attribute("router", std::string("token_choice"));
  run.attribute("trace_rows", rows);
  run.attribute("trace_tokens", std::int64_t{4});
  run.attribute("trace_length", std::int64_t{2});
  run.attribute("trace_pass_tokens", std::int64_t{4});
  run.attribute("trace_k_max", std::int64_t{1});
  run.attribute("trace_fixed", std::int64_t{0});
  run.attribute("config", "[router.token_choice]\n" + settings);
  run.put(variable("layer", Type::int32, {"layer"}, {1}, {3}));
  run.put(variable("trace_step", Type::int64, {"trace"}, {1}, {7}));
  run.put(variable("trace_begin", Type::int64, {"trace", "layer", "trace_bound"}, {1, 1, 3},
                   {0, 3, 4}));
  run.put(variable("trace_token", Type::int32, {"row"}, {4}, {0, 1, 2, 3}));
  run.put(variable("trace_gate", Type::float32, {"row"}, {4}, {0.5, 0.875, 0.75, 0.375}));
  run.put(variable("trace_served", Type::uint8, {"row"}, {4}, {1, 1, 1, 1}));
  run.put(variable("trace_choice", Type::uint8, {"row"}, {4}, {0, 0, 0, 0}));
  return run;
}

// C, dropped, unrouted tokens in percent and lost gates in percent of the only row of the table.
Numbers row_of(const std::string& path, const WhatIfOptions& options) {
  const Table table = whatif_table({path}, options);
  REQUIRE(table.rows.size() == 1);
  Numbers found;
  for (const char* key : {"capacity", "dropped", "unrouted_percent", "gate_lost_percent"})
    for (std::size_t c = 0; c < table.columns.size(); ++c)
      if (table.columns[c].key == key) found.push_back(std::get<double>(table.rows[0][c]));
  return found;
}

}  // namespace

TEST_CASE("what-if: a planted trace, by hand", "[analysis][whatif]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  planted().publish(path);
  // Groups of 2: C = 1, and expert 0 has two rows in the first sequence: token 1 is dropped, or by
  // priority token 0.
  CHECK(row_of(path, {{"1"}, {}, {}}) == Numbers{1, 1, 25, 35});
  CHECK(row_of(path, {{"1"}, {"sequence"}, {"choice"}}) == Numbers{1, 1, 25, 35});
  CHECK(row_of(path, {{"1"}, {"sequence"}, {"priority"}}) == Numbers{1, 1, 25, 20});
  CHECK(row_of(path, {{"2"}, {}, {}}) == Numbers{2, 0, 0, 0});
  // The batch: C = 2 of three rows, in the order 0 1 2, by priority 1 2 0.
  CHECK(row_of(path, {{"1"}, {"batch"}, {}}) == Numbers{2, 1, 25, 30});
  CHECK(row_of(path, {{"1"}, {"batch"}, {"priority"}}) == Numbers{2, 1, 25, 20});
  CHECK(row_of(path, {{"0.5"}, {"batch"}, {"token"}}) == Numbers{1, 2, 50, 65});
  // Every combination has a row, and the notes say what the numbers are.
  const Table all = whatif_table({path}, {{"0.5", "1", "2"}, {"sequence", "batch"}, {"token"}});
  CHECK(all.rows.size() == 6);
  CHECK(all.notes.size() == 2);
  // The run's own formula: ⌊0.75 · 4 / 2⌋ = 1 in the batch, and at least 2, or a multiple of 2.
  planted("capacity_rounding = floor\ngroup = batch\nfill = gate\n").publish(path);
  CHECK(row_of(path, {{"0.75"}, {}, {}})[0] == 1);
  planted("capacity_rounding = floor\ngroup = batch\ncapacity_min = 2\n").publish(path);
  CHECK(row_of(path, {{"0.75"}, {}, {}})[0] == 2);
  planted("capacity_multiple = 2\nk = 1\n").publish(path);
  CHECK(row_of(path, {{"0.5"}, {}, {}})[0] == 2);
  planted().publish(path);
  CHECK(std::holds_alternative<std::monostate>(
      whatif_table({path}, {{"0"}, {}, {}}).rows[0][5]));  // no limit
}

TEST_CASE("what-if: who is dropped, by hand", "[analysis][whatif]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  RunFile run = planted();
  run.put(variable("trace_token_id", Type::int32, {"trace", "token"}, {1, 4}, {9, 5, 9, 2}));
  run.publish(path);
  // Token 1 is dropped: at position 1 of the first sequence, with id 5. Ranks: 9 (twice), 2, 5.
  const auto dropped = [&](WhatIfBy by) {
    const Table table = forensics_table({path}, {{"1"}, {}, {}}, by);
    std::vector<std::pair<std::string, Numbers>> rows;
    for (const auto& row : table.rows)
      rows.emplace_back(
          std::get<std::string>(row[5]),
          Numbers{std::get<double>(row[6]), std::get<double>(row[7]), std::get<double>(row[8])});
    REQUIRE_FALSE(table.notes.empty());
    return std::pair(rows, table.notes.front());
  };
  using Rows = std::vector<std::pair<std::string, Numbers>>;
  const auto [positions, note] = dropped(WhatIfBy::position);
  CHECK(positions == Rows{{"0", {2, 0, 0}}, {"1", {2, 1, 50}}});
  CHECK_THAT(note, contains("over positions 0.500; 25.00 % of tokens are dropped in every MoE "
                            "layer, 25.00 % if layers dropped independently"));
  const auto [ranks, about] = dropped(WhatIfBy::frequency);
  CHECK(ranks == Rows{{"1", {2, 0, 0}}, {"2-3", {2, 1, 50}}});
  CHECK_THAT(about, contains("over token ids 0.750"));
  CHECK(gini({1, 1, 2}, {1, 1, 2}) == 0);
  CHECK(std::isnan(gini({0, 0}, {1, 1})));
}

TEST_CASE("what-if: files and options that it refuses, in one line", "[analysis][whatif]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  planted().publish(path);
  const auto refused = [&](const WhatIfOptions& options) { return whatif_table({path}, options); };
  CHECK_THROWS_WITH(refused({{"-1"}, {}, {}}), contains("--capacity -1"));
  CHECK_THROWS_WITH(refused({{"1"}, {"world"}, {}}), contains("choose one of sequence, batch"));
  CHECK_THROWS_WITH(refused({{"1"}, {}, {"random"}}),
                    contains("choose one of token, choice, priority"));
  planted(kOwn, "slots").publish(path);
  CHECK_THROWS_WITH(refused({{"1"}, {}, {}}), contains("no whole tokens"));
  RunFile bad = planted();
  bad.put(variable("trace_token", Type::int32, {"row"}, {4}, {0, 1, 2, 4}));
  bad.publish(path);
  CHECK_THROWS_WITH(refused({{"1"}, {}, {}}), contains("out of range"));
  bad = planted();
  bad.put(variable("trace_begin", Type::int64, {"trace", "layer", "trace_bound"}, {1, 1, 3},
                   {0, 3, 5}));
  bad.publish(path);
  CHECK_THROWS_WITH(refused({{"1"}, {}, {}}), contains("rows are missing"));
}

}  // namespace moesim::testing
