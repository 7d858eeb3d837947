// Tests that checkpoints and folders of other versions, behind links, or with foreign files are not
// removed, and that unreadable ones are not taken for damaged.
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/core/error.hpp"
#include "sim/io/file.hpp"
#include "sim/io/sha256.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <map>

namespace moesim::testing {
namespace {

namespace fs = std::filesystem;

void write(const std::string& folder, index step) {
  write_checkpoint(folder,
                   {.step = step, .config_sha256 = "c", .data_sha256 = "d", .number = "F32"},
                   {{kWeightsFile, {"weights"}}, {kStateFile, {"state"}}, {kRecordsFile, {"run"}}});
}

// folder: with a slash at its end.
std::string manifest_path(const std::string& folder, index step) {
  return folder + "checkpoint/step-00000000" + std::to_string(step) + "/manifest.json";
}

// As a later version might write it: another number, further entries, vouched for in a way that we
// do not know.
void make_newer(const std::string& folder, index step) {
  write_bytes(manifest_path(folder, step), R"({"format": 3, "files": [], "blake3": "77"})");
}

std::optional<Checkpoint> newest_passing(const std::string& folder,
                                         std::vector<std::string>* passed = {},
                                         const std::function<void(const Checkpoint&)>& use = {}) {
  return newest_checkpoint(
      folder, [](const CheckpointInfo& info) { return info.config_sha256 == "c"; },
      [&](const std::string& problem) {
        if (passed != nullptr) passed->push_back(problem);
      },
      use);
}

// Every path below a folder with its content or, for a link, its target.
std::map<std::string, std::string> tree(const std::string& folder) {
  std::map<std::string, std::string> all;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    all[entry.path()] = entry.is_symlink()     ? fs::read_symlink(entry.path()).string()
                        : entry.is_directory() ? "folder"
                                               : read_bytes(entry.path());
  return all;
}

TEST_CASE("checkpoint: one of another format is not damaged, and stays", "[checkpoint]") {
  const TemporaryFolder folder;
  for (const index step : {1, 2, 3}) write(folder / "", step);
  make_newer(folder / "", 3);
  const auto before = tree(folder / "");
  CHECK_THROWS_AS(newest_passing(folder / ""), Unreadable);
  CHECK_THROWS_WITH(newest_passing(folder / ""), contains("manifest.json: of format 3") &&
                                                     contains("reads formats 1 to 2") &&
                                                     !contains("--force"));
  CHECK_THROWS_AS(checkpoint_infos(folder / ""), Unreadable);
  CHECK_THROWS_AS(read_checkpoint(folder / "", 3), Unreadable);
  CHECK_THROWS_AS(write(folder / "", 3), Error);
  remove_checkpoints_after(folder / "", 2);
  CHECK(tree(folder / "") == before);
  // Nor is it pruned as others are.
  for (const index step : {4, 5, 6, 7}) write(folder / "", step);
  CHECK(checkpoint_steps(folder / "") == std::vector<index>{3, 6, 7});
  CHECK(read_bytes(manifest_path(folder / "", 3)) == before.at(manifest_path(folder / "", 3)));
  const auto later = tree(folder / "");
  CHECK_THROWS_WITH(remove_checkpoints(folder / ""), contains("step-000000003"));
  CHECK(tree(folder / "") == later);
}

TEST_CASE("checkpoint: a damaged number of the format is damage", "[checkpoint]") {
  const TemporaryFolder folder;
  write(folder / "", 1);
  write(folder / "", 2);
  std::string text = read_bytes(manifest_path(folder / "", 2));
  const std::size_t at = text.find("\"format\":2");
  REQUIRE(at != std::string::npos);
  text[at + 9] = '7';
  write_bytes(manifest_path(folder / "", 2), text);
  CHECK(newest_passing(folder / "")->info.step == 1);
}

TEST_CASE("checkpoint: what the system refuses is not damaged", "[checkpoint]") {
  const TemporaryFolder folder;
  write(folder / "", 1);
  write(folder / "", 2);
  const std::string path = folder / "checkpoint/step-000000002/" + kWeightsFile;
  fs::remove(path);
  SECTION("a link to what is not mounted") { fs::create_symlink("/nowhere/weights", path); }
  SECTION("a link in a circle") { fs::create_symlink(path, path); }
  const auto before = tree(folder / "");
  CHECK_THROWS_AS(newest_passing(folder / ""), Unreadable);
  CHECK_THROWS_WITH(newest_passing(folder / ""),
                    contains("it is a link to " + fs::read_symlink(path).string()));
  CHECK_THROWS_AS(remove_checkpoints(folder / ""), Unreadable);
  remove_checkpoints_after(folder / "", 1);
  CHECK(tree(folder / "") == before);
  for (const index step : {3, 4, 5}) write(folder / "", step);
  CHECK(checkpoint_steps(folder / "") == std::vector<index>{2, 4, 5});
}

TEST_CASE("checkpoint: a folder of them that leads nowhere is not empty", "[checkpoint]") {
  const TemporaryFolder folder;
  require_checkpoints_listed(folder / "");
  fs::create_symlink("/nowhere/checkpoint", folder / "checkpoint");
  CHECK_THROWS_AS(require_checkpoints_listed(folder / ""), Unreadable);
  CHECK_THROWS_AS(newest_passing(folder / ""), Unreadable);
  CHECK_THROWS_WITH(newest_passing(folder / ""), contains("a link to /nowhere/checkpoint"));
  CHECK_THROWS_WITH(write(folder / "", 1), contains("a link to /nowhere/checkpoint"));
  remove_checkpoints(folder / "");
  CHECK(fs::is_symlink(folder / "checkpoint"));
}

TEST_CASE("checkpoint: links and what others keep there are not removed", "[checkpoint]") {
  const TemporaryFolder folder, scratch;
  fs::create_directory(scratch / "kept");
  fs::create_symlink(scratch / "kept", folder / "checkpoint");
  write(folder / "", 1);
  SECTION("the folder is a link, and stays one") {
    write_bytes(scratch / "kept/notes.txt", "mine");
    remove_checkpoints(folder / "");
    CHECK(fs::is_symlink(folder / "checkpoint"));
    CHECK(tree(scratch / "") ==
          std::map<std::string, std::string>{{scratch / "kept", "folder"},
                                             {scratch / "kept/notes.txt", "mine"}});
  }
  SECTION("one of them was moved away and linked, or holds another file") {
    const std::string step = scratch / "kept/step-000000001";
    SECTION("link") {
      fs::rename(step, scratch / "moved");
      fs::create_symlink(scratch / "moved", step);
    }
    SECTION("file") { write_bytes(step + "/exported.gguf", "mine"); }
    const auto before = tree(scratch / "");
    CHECK_THROWS_AS(remove_checkpoints(folder / ""), Error);
    CHECK_THROWS_AS(write(folder / "", 1), Error);
    CHECK(tree(scratch / "") == before);
    for (const index other : {2, 3, 4}) write(folder / "", other);
    CHECK(checkpoint_steps(folder / "") == std::vector<index>{1, 3, 4});
  }
}

TEST_CASE("checkpoint: one that its user refuses gives way to the one before", "[checkpoint]") {
  const TemporaryFolder folder;
  for (const index step : {1, 2}) write(folder / "", step);
  std::vector<std::string> passed;
  const auto refuse_second = [](const Checkpoint& checkpoint) {
    if (checkpoint.info.step == 2) fail(Exit::data, "does not fit");
  };
  CHECK(newest_passing(folder / "", &passed, refuse_second)->info.step == 1);
  CHECK(passed == std::vector<std::string>{"does not fit"});
  // What is no fault of the checkpoint is not passed over.
  CHECK_THROWS_AS(
      newest_passing(folder / "", &passed, [](const Checkpoint&) { fail(Exit::output, "full"); }),
      Error);
}

TEST_CASE("checkpoint: every file that the manifest names is read and vouched for",
          "[checkpoint]") {
  const TemporaryFolder folder;
  write_checkpoint(folder / "",
                   {.step = 1, .config_sha256 = "c", .data_sha256 = "d", .number = "F32"},
                   {{kWeightsFile, {"weights"}},
                    {kStateFile, {"state"}},
                    {kRecordsFile, {"run"}},
                    {"data.json", {"{}"}}});
  CHECK(read_checkpoint(folder / "", 1).more ==
        std::map<std::string, std::string>{{"data.json", "{}"}});
  write_bytes(folder / "checkpoint/step-000000001/data.json", "[]");
  CHECK_THROWS_WITH(read_checkpoint(folder / "", 1), contains("data.json: damaged"));
}

}  // namespace
}  // namespace moesim::testing
