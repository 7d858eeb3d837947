// Tests block-wise compression of rows: the file equals one written at the end, memory holds only
// unfinished blocks, and a truncated store can be continued.
#include "sim/core/error.hpp"
#include "sim/record/block.hpp"
#include "sim/record/block_store.hpp"
#include "sim/record/pack.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

using Type = Variable::Type;

constexpr int kLayers = 2, kExperts = 1000;  // five records fill a block

RunFile declared() {
  RunFile run;
  run.attribute("plan_kind", "assignment");
  run.declare("step", Type::int64, {"step"}, {}, "number of the step");
  run.declare("demand", Type::float64, {"record", "layer", "expert"}, {kLayers, kExperts}, "", "");
  run.declare("narrow", Type::float32, {"record", "layer", "expert"}, {kLayers, kExperts}, "", "");
  run.declare("assignments", Type::float64, {"record", "layer"}, {kLayers}, "", "");
  return run;
}

void add_record(RunFile& run, int r) {
  std::vector<double> demand(kLayers * kExperts), sums(kLayers, 0), narrow(demand.size());
  for (std::size_t i = 0; i < demand.size(); ++i) {
    demand[i] = static_cast<double>((i * 7919 + static_cast<std::size_t>(r) * 104729) % 97);
    narrow[i] = 0.5F * static_cast<float>(demand[i]);
    sums[i / kExperts] += demand[i];
  }
  run.append("step", r);
  run.append("demand", demand);
  run.append("narrow", narrow);
  run.append("assignments", sums);
}

// `records` of them, each block finished as soon as it can be.
RunFile finished(int records, const std::shared_ptr<BlockStore>& store) {
  RunFile run = declared();
  run.keep_blocks(store);
  for (int r = 0; r < records; ++r) {
    add_record(run, r);
    run.finish_blocks();
  }
  return run;
}

TEST_CASE("blocks: the same bytes as if all rows were written at the end", "[record][blocks]") {
  const TemporaryFolder folder;
  for (const int records : {4, 5, 6, 10, 13}) {
    CAPTURE(records);
    RunFile whole = declared();
    for (int r = 0; r < records; ++r) add_record(whole, r);
    const RunFile in_memory = finished(records, std::make_shared<BlockStore>());
    const RunFile on_disk =
        finished(records, std::make_shared<BlockStore>(folder / std::to_string(records)));
    CHECK(in_memory.digest() == whole.digest());
    CHECK(in_memory.bytes() == whole.bytes());
    CHECK(on_disk.bytes() == whole.bytes());

    on_disk.publish(folder / "run.h5");
    const RunFile read = read_run_file(folder / "run.h5");
    for (const Variable& variable : whole.variables()) {
      CAPTURE(variable.name);
      CHECK(read.find(variable.name)->values == variable.values);
      CHECK(read.find(variable.name)->shape == variable.shape);
    }
    CHECK(read.bytes() == whole.bytes());
  }
}

TEST_CASE("blocks: rows that fill one leave memory, and are not written again",
          "[record][blocks]") {
  const auto store = std::make_shared<BlockStore>();
  RunFile run = finished(13, store);
  const Variable& demand = *run.find("demand");
  CHECK(block_rows(demand.shape) == 5);
  CHECK(demand.shape[0] == 13);
  CHECK(demand.blocks.size() == 2);
  CHECK(demand.values.size() == 3 * kLayers * kExperts);
  CHECK(run.find("step")->blocks.empty());  // 13 of 8192 values
  const std::uint64_t size = store->size();
  run.bytes();
  run.finish_blocks();
  CHECK(store->size() == size);
}

TEST_CASE("blocks: what does not add up is named before it is compressed", "[record][blocks]") {
  RunFile run = finished(4, std::make_shared<BlockStore>());
  add_record(run, 4);
  Variable wrong = *run.find("assignments");
  wrong.values.back() += 1;
  run.put(wrong);
  CHECK_THROWS_WITH(run.finish_blocks(), contains("conservation violated at record 4, layer 1"));
}

TEST_CASE("blocks: a checkpoint's part of the store goes on as if nothing had followed",
          "[record][blocks]") {
  const TemporaryFolder folder;
  const std::string path = folder / "records.blocks";
  std::string rest, straight, sum;
  std::uint64_t bytes = 0;
  {
    const auto store = std::make_shared<BlockStore>(path);
    RunFile run = finished(7, store);
    rest = pack(run);
    bytes = store->size();
    sum = store->sha256();
    for (int r = 7; r < 12; ++r) add_record(run, r);
    run.finish_blocks();
    CHECK(store->size() > bytes);  // of records that are lost
    CHECK(store->sha256() == sha256_hex(read_bytes(path).data(), store->size()));
    straight = run.bytes();
  }
  const auto store = std::make_shared<BlockStore>(path, bytes);
  CHECK(store->sha256() == sum);
  RunFile run = unpack(rest, store->blocks());
  run.keep_blocks(store);
  CHECK(run.find("demand")->blocks.size() == 1);
  for (int r = 7; r < 12; ++r) {
    add_record(run, r);
    run.finish_blocks();
  }
  CHECK(run.bytes() == straight);
  CHECK_THROWS_WITH(unpack(rest), contains("its blocks are not there"));
}

TEST_CASE("blocks: a store that lost bytes says so", "[record][blocks]") {
  const TemporaryFolder folder;
  const std::string path = folder / "records.blocks";
  const RunFile run = finished(5, std::make_shared<BlockStore>(path));
  const std::uint64_t bytes = run.block_store()->size();
  std::filesystem::resize_file(path, bytes - 1);
  CHECK_THROWS_WITH(run.bytes(), contains(path + ": shorter than it was"));
  CHECK_THROWS_WITH(BlockStore(path, bytes).sha256(), contains("shorter than it was"));
  write_bytes(path, std::string(bytes, 'x'));
  CHECK_THROWS_WITH(BlockStore(path, bytes).blocks(), contains("no block at byte 0"));
  CHECK_THROWS_WITH(finished(5, std::make_shared<BlockStore>("/proc/no/store")),
                    contains("/proc/no/store: cannot write"));
}

TEST_CASE("blocks: integers that a double cannot tell apart are refused", "[record][blocks]") {
  RunFile run;
  run.declare("tokens", Type::int64, {"step"}, {}, "");
  run.append("tokens", 0x1p53);
  CHECK_NOTHROW(run.bytes());
  run.append("tokens", 0x1p53 + 2);
  CHECK_THROWS_WITH(run.bytes(), contains("is no 64-bit integer below 2^53"));
}

}  // namespace
}  // namespace moesim::testing
