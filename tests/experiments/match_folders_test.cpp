// Tests how planned runs are matched with run folders on disk.
#include "experiments/sweep/match_folders.hpp"

#include "sim/record/run_file.hpp"
#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

const std::string kResolved = "[run]\nseed = 0\n[router]\nname = soft\n[eval]\nevery = 10\n";

Plan plan_of(const std::string& folder) {
  PlannedRun run;
  run.spec.label = "soft";
  run.folder = folder;
  run.config_sha256 = std::string(64, 'a'), run.data_sha256 = std::string(64, 'b');
  run.resolved = kResolved;
  return {"study", {run}};
}

// A folder of a run with this status and this hash of its config.
void write_run(const ConfigFolder& folder, const std::string& name, const std::string& status,
               char config = 'a', const std::string& version = "0.1.0") {
  folder.write(name + "/config.ini", kResolved);
  RunFile file;
  file.attribute("moesim_schema", kRunFileSchema);
  file.attribute("status", status);
  file.attribute("version", version);
  file.attribute("config_sha256", std::string(64, config));
  file.attribute("data_sha256", std::string(64, 'b'));
  file.publish(folder.path(name + "/run.h5"));
}

struct Matched {
  std::string folder;
  std::string notes;
};

Matched matched(const ConfigFolder& folder, const std::string& planned = "new-s0-12345678") {
  Plan plan = plan_of(planned);
  const std::vector<std::string> notes = match_folders(plan, folder.path("."));
  return {plan.runs[0].folder, joined(notes, "\n")};
}

}  // namespace

TEST_CASE("folders: a run is found whatever its label was", "[experiments]") {
  const ConfigFolder folder;
  CHECK(matched(folder).folder == "new-s0-12345678");
  write_run(folder, "k=2-other-s0-12345679", "complete");  // another hash
  CHECK(matched(folder).folder == "new-s0-12345678");
  write_run(folder, "old-s0-12345678", "complete");
  const Matched found = matched(folder);
  CHECK(found.folder == "old-s0-12345678");
  CHECK(found.notes.empty());
}

TEST_CASE("folders: without a run file the config tells", "[experiments]") {
  const ConfigFolder folder;
  folder.write("old-s0-12345678/config.ini", kResolved + "[data]\nroot = /anywhere\n");
  CHECK(matched(folder).folder == "old-s0-12345678");
  folder.write("old-s0-12345678/config.ini", "[run]\nseed = 1\n");
  CHECK(matched(folder).folder == "new-s0-12345678");
}

TEST_CASE("folders: a run file of another run is not taken for this one", "[experiments]") {
  const ConfigFolder folder;
  write_run(folder, "old-s0-12345678", "complete", 'c');
  CHECK(matched(folder).folder == "new-s0-12345678");
}

TEST_CASE("folders: of two with the same run the complete one is used", "[experiments]") {
  const ConfigFolder folder;
  write_run(folder, "a-s0-12345678", "running");
  write_run(folder, "b-s0-12345678", "complete");
  const Matched found = matched(folder, "a-s0-12345678");
  CHECK(found.folder == "b-s0-12345678");
  CHECK(
      found.notes.ends_with(": b-s0-12345678, which is complete, holds the same run as "
                            "a-s0-12345678; it is used"));
  // Among equals it is the one of now.
  write_run(folder, "a-s0-12345678", "complete");
  CHECK(matched(folder, "a-s0-12345678").folder == "a-s0-12345678");
}

TEST_CASE("folders: a run with the options of another version is named", "[experiments]") {
  const ConfigFolder folder;
  write_run(folder, "old-s0-87654321", "complete", 'c', "0.0.9");
  folder.write("old-s0-87654321/config.ini", "[run]\nseed = 0\n[router]\nname = soft\n");
  const Matched found = matched(folder);
  CHECK(found.folder == "new-s0-12345678");
  CHECK_THAT(found.notes,
             contains("1 of these runs is there with the options of another version "
                      "(old-s0-87654321 is of moesim 0.0.9, which has no eval.every; "));
  // Another setting is another run, of whatever version.
  folder.write("old-s0-87654321/config.ini", "[run]\nseed = 0\n[router]\nname = hash\n");
  CHECK(matched(folder).notes.empty());
}

TEST_CASE("folders: another value of an option that a config leaves out is no other version",
          "[experiments]") {
  const ConfigFolder folder;
  write_run(folder, "old-s0-87654321", "complete", 'c', "0.0.9");
  const std::string rate = "[freeze]\nrate = *.moe.*:0.5\n";
  const auto notes = [&](const std::string& now, const std::string& then) {
    folder.write("old-s0-87654321/config.ini", kResolved + then);
    Plan plan = plan_of("new-s0-12345678");
    plan.runs[0].resolved = kResolved + now;
    plan.runs[0].options = {{"freeze.rate", now.empty() ? "" : "*.moe.*:0.5", "", ""},
                            {"train.new", "1", "1", ""}};
    return joined(match_folders(plan, folder.path(".")), "\n");
  };
  CHECK(notes(rate, "").empty());
  CHECK(notes("", rate).empty());
  // An option at its default, and one that this program does not know, are of another version.
  const std::string added = "[train]\nnew = 1\n";
  CHECK_THAT(notes(added, ""), contains("which has no train.new"));
  CHECK_THAT(notes("", "[train]\nformer = 1\n"), contains("which has train.former"));
}

}  // namespace moesim::testing
