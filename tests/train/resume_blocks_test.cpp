// Tests blocks of records that all checkpoints of a run share.
#include "sim/checkpoint/records.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace moesim::testing {
namespace {

// 8192 values are 16 records of two layers and 256 experts.
const Values kValues = {"run.steps",   "40", "checkpoint.every", "10", "moe.experts",  "256",
                        "eval.every",  "0",  "expert.hidden",    "2",  "model.width",  "8",
                        "data.length", "8",  "train.batch",      "4",  "model.layers", "2"};

// Values of every variable but the wall time, as a reader of the published file has them.
std::string read_values(const std::string& path) {
  std::string all;
  const RunFile file = read_run_file(path);
  for (const Variable& v : file.variables()) {
    if (v.name == "seconds") continue;
    all += v.name;
    all.append(reinterpret_cast<const char*>(v.values.data()), v.values.size() * sizeof(double));
  }
  return all;
}

TEST_CASE("resume: records in blocks, of which some were written after the checkpoint",
          "[train][resume]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "straight");
  std::filesystem::create_directory(folder / "killed");
  Kept straight(kValues, folder / "straight");
  straight.finish();
  straight.recorder->file().publish(folder / "straight/run.h5");
  CHECK(straight.recorder->file().find("demand")->blocks.size() == 2);
  CHECK(straight.recorder->file().find("demand")->values.size() == 8 * 2 * 256);
  {
    Kept first(kValues, folder / "killed");
    StopAfter stop(37);  // after steps 32 to 37 filled a block that no checkpoint knows
    REQUIRE(first.trainer->run({first.recorder.get(), &first.checkpointer, &stop}) == End::stopped);
  }
  Kept second(kValues, folder / "killed");
  REQUIRE(second.resume());
  CHECK(second.trainer->position().step == 30);
  CHECK(second.recorder->file().find("demand")->blocks.size() == 1);
  second.finish();
  second.recorder->file().publish(folder / "killed/run.h5");
  CHECK(second.fingerprint() == straight.fingerprint());
  CHECK(read_values(folder / "killed/run.h5") == read_values(folder / "straight/run.h5"));

  // The blocks that all checkpoints share are vouched for by each.
  const std::string blocks = folder / "killed/checkpoint/records.blocks";
  std::string bytes = read_bytes(blocks);
  bytes[bytes.size() - 1] ^= 1;
  write_bytes(blocks, bytes);
  CHECK_THROWS_WITH(read_checkpoint(folder / "killed", 40),
                    contains("records.blocks: damaged (its SHA-256 is not the manifest's)"));
  Kept third(kValues, folder / "killed");
  REQUIRE(third.resume());  // from one that needs fewer of them
  CHECK(third.trainer->position().step == 30);
}

TEST_CASE("resume: blocks that are lost are named, and nothing is pruned for it",
          "[train][resume]") {
  const TemporaryFolder folder;
  Kept straight(kValues, folder / "");
  straight.finish();
  const std::string blocks = folder / "checkpoint/records.blocks";
  const std::vector<index> steps = checkpoint_steps(folder / "");
  REQUIRE(steps.size() > 1);
  SECTION("missing") { std::filesystem::remove(blocks); }
  SECTION("cut") { std::filesystem::resize_file(blocks, 10); }
  Kept second(kValues, folder / "");
  std::vector<std::string> said;
  REQUIRE_FALSE(second.checkpointer.resume([&](const std::string& what) { said.push_back(what); }));
  REQUIRE(said.size() == 2);
  CHECK_THAT(said[0], contains("checkpoint/records.blocks: ") && contains("passed over"));
  CHECK_THAT(said[1], contains("from the start: no checkpoint can be restored; all are kept in ") &&
                          contains("checkpoint/lost-1"));
  CHECK(checkpoint_steps(folder / "").empty());
  for (const index step : steps)
    CHECK(std::filesystem::exists(folder / "checkpoint/lost-1/step-" + fmt::format("{:09}", step) +
                                  "/weights.safetensors"));
  second.finish();
  CHECK(second.fingerprint() == straight.fingerprint());
  CHECK(checkpoint_steps(folder / "") == steps);
}

}  // namespace
}  // namespace moesim::testing
