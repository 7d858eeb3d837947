// Tests intact checkpoints that do not fit the run: an earlier one is used, or the run starts anew.
#include "sim/checkpoint/safetensors.hpp"
#include "sim/train/loading.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>

namespace moesim::testing {
namespace {

TEST_CASE("resume: a checkpoint of another model or another number is not taken", "[train]") {
  const TemporaryFolder folder;
  Kept first({"checkpoint.every", "2"}, folder / "");
  first.finish();
  Kept wider({"checkpoint.every", "2", "model.width", "32"}, folder / "");
  std::string said;
  CHECK_FALSE(wider.checkpointer.resume([&](const std::string& what) { said += what + "\n"; }));
  CHECK_THAT(said, contains("weights.safetensors: tensor") && contains("expected F") &&
                       contains("from the start"));
  Kept other({"checkpoint.every", "2"}, folder / "");
  other.checkpointer.keep_at(folder / "", "another config", "data");
  CHECK_FALSE(other.resume());
}

// Changes tensors of a checkpoint's file and writes it again, with a manifest that vouches for it.
void rewrite(const std::string& folder, index step, const std::string& file,
             const std::function<void(TensorFile&, std::string& bytes)>& change) {
  const Checkpoint old = read_checkpoint(folder, step);
  std::string bytes = file == kWeightsFile ? old.weights : old.state;
  TensorFile tensors = read_safetensors(bytes);
  change(tensors, bytes);
  std::string header;
  std::vector<std::string_view> pieces = safetensors_pieces(tensors, header);
  write_checkpoint(
      folder, old.info,
      {{kWeightsFile, file == kWeightsFile ? pieces : std::vector<std::string_view>{old.weights}},
       {kStateFile, file == kStateFile ? pieces : std::vector<std::string_view>{old.state}},
       {kRestFile, {old.rest}}});
}

// The values of the first tensor of rank 2 whose sides differ.
TensorView& oblong(TensorFile& file) {
  for (TensorView& tensor : file.tensors)
    if (tensor.shape.size() == 2 && tensor.shape[0] != tensor.shape[1]) return tensor;
  throw std::logic_error("no oblong tensor");
}

TEST_CASE("resume: a checkpoint that does not fit gives way to the one before", "[train][resume]") {
  const Values values = {"run.steps", "6", "checkpoint.every", "2", "router.name", "token_choice"};
  struct Change {
    const char* what;
    const char* file;
    std::function<void(TensorFile&, std::string&)> change;
    const char* said;
  };
  const auto spoil = [](real value) {
    return [value](TensorFile& tensors, std::string& bytes) {
      const std::string_view of = oblong(tensors).bytes;
      std::memcpy(bytes.data() + (of.data() - bytes.data()) + 8, &value, sizeof value);
    };
  };
  const auto transpose = [](TensorFile& tensors, std::string&) {
    TensorView& tensor = oblong(tensors);
    std::swap(tensor.shape[0], tensor.shape[1]);
  };
  const auto rename = [](TensorFile& tensors, std::string&) { tensors.tensors[1].name += "x"; };
  const auto remove = [](TensorFile& tensors, std::string&) { tensors.tensors.pop_back(); };
  const auto narrow = [](TensorFile& tensors, std::string&) {
    tensors.tensors[0].dtype = sizeof(real) == 4 ? "I32" : "I64";
  };
  const auto metadata = [](const char* key, const char* value) {
    return [=](TensorFile& tensors, std::string&) { tensors.metadata[key] = value; };
  };
  constexpr real kNan = std::numeric_limits<real>::quiet_NaN();
  constexpr real kInfinity = std::numeric_limits<real>::infinity();
  const Change changes[] = {
      {"transposed", kWeightsFile, transpose, "expected"},
      {"renamed", kWeightsFile, rename, "is not of this model"},
      {"missing", kWeightsFile, remove, "no tensor"},
      {"of another type", kWeightsFile, narrow, "is I"},
      {"NaN", kWeightsFile, spoil(kNan), "not finite"},
      {"infinite", kWeightsFile, spoil(-kInfinity), "not finite"},
      {"transposed moment", kStateFile, transpose, "expected"},
      {"renamed moment", kStateFile, rename, "is not of this model"},
      {"missing moment", kStateFile, remove, "no tensor"},
      {"NaN in a moment", kStateFile, spoil(kNan), "not finite"},
      {"of another step", kStateFile, metadata("step", "4"), "of step 4, expected 6"},
      {"no position", kStateFile, metadata("updates", "many"), "no updates"},
  };
  const TemporaryFolder base;
  Kept straight(values, base / "");
  straight.finish();
  for (const Change& change : changes) {
    CAPTURE(change.what);
    const TemporaryFolder folder;
    std::filesystem::copy(base / "", folder / "", std::filesystem::copy_options::recursive);
    rewrite(folder / "", 6, change.file, change.change);
    const auto problems = [&] {
      Training other(values, 1);
      return problems_of(read_checkpoint(folder / "", 6), *other.trainer);
    }();
    REQUIRE(!problems.empty());
    CHECK_THAT(problems.front(), contains(change.said) || contains("no tensor"));
    Kept second(values, folder / "");
    std::string said;
    REQUIRE(second.checkpointer.resume([&](const std::string& what) { said += what + "\n"; }));
    CHECK_THAT(said, contains("step-000000006/" + std::string(change.file)) &&
                         contains("passed over") && contains("at step 4"));
    CHECK(second.trainer->position().step == 4);
    second.finish();
    CHECK(second.fingerprint() == straight.fingerprint());
  }
}

TEST_CASE("resume: where no checkpoint fits, training begins at the start", "[train][resume]") {
  const Values values = {"run.steps", "4", "checkpoint.every", "4"};
  const TemporaryFolder folder;
  Kept straight(values, folder / "");
  straight.finish();
  SECTION("its weights") {
    rewrite(folder / "", 4, kWeightsFile,
            [](TensorFile& tensors, std::string&) { tensors.tensors[0].name += "x"; });
  }
  SECTION("its records") {
    const Checkpoint old = read_checkpoint(folder / "", 4);
    write_checkpoint(
        folder / "", old.info,
        {{kWeightsFile, {old.weights}}, {kStateFile, {old.state}}, {kRestFile, {"x"}}});
  }
  Kept second(values, folder / "");
  std::string said;
  REQUIRE_FALSE(second.checkpointer.resume([&](const std::string& what) { said += what + "\n"; }));
  CHECK_THAT(said, contains("from the start"));
  second.finish();
  CHECK(second.fingerprint() == straight.fingerprint());
}

}  // namespace
}  // namespace moesim::testing
