// Tests which data sets the runs of a sweep share.
#include "experiments/sweep/shared_documents.hpp"

#include "sim/core/error.hpp"
#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <string>

namespace moesim::testing {
namespace {

PlannedRun run_on(const std::string& path, const std::string& document) {
  PlannedRun run;
  run.spec.settings.set("data.name", "text", "test");
  run.spec.settings.set("data.path", path, "test");
  if (!document.empty()) run.spec.settings.set("data.document", document, "test");
  return run;
}

}  // namespace

TEST_CASE("shared documents: those of several runs are arranged once", "[experiments]") {
  const ConfigFolder folder;
  std::string text;
  for (int i = 0; i < 200; ++i) text += "document number " + std::to_string(i * i) + " of all\n\n";
  const std::string several = folder.write("several.txt", text),
                    single = folder.write("single.txt", text),
                    whole = folder.write("whole.txt", text);
  const PlannedRun first = run_on(several, "blank"), other = run_on(single, "blank"),
                   without = run_on(whole, "");
  const auto data = shared_documents({first, other, without, first, without});
  for (const std::string& path : {several, single, whole}) std::filesystem::remove(path);
  // Reading again would throw.
  const auto get = [&](const PlannedRun& run) {
    Settings settings = run.spec.settings;
    return data->get(settings);
  };
  CHECK(get(first) == get(first));
  CHECK(get(first)->info().documents.documents > 0);
  CHECK_THROWS_AS(get(other), Error);
  CHECK_THROWS_AS(get(without), Error);
}

TEST_CASE("shared documents: each order of the same documents is arranged", "[experiments]") {
  const ConfigFolder folder;
  std::string text;
  for (int i = 0; i < 200; ++i) text += "document number " + std::to_string(i * i) + " of all\n\n";
  PlannedRun drawn = run_on(folder.write("several.txt", text), "blank"), path = drawn;
  drawn.spec.settings.set("data.order", "random", "test");
  path.spec.settings.set("data.order", "similar", "test");
  DataCache cache;
  const auto of = [&](const PlannedRun& run) {
    Settings settings = run.spec.settings;
    return cache.get(settings);
  };
  CHECK(of(drawn)->batch(Split::train, 0, 0, 1).ids != of(path)->batch(Split::train, 0, 0, 1).ids);
}

TEST_CASE("shared documents: errors are left to the runs", "[experiments]") {
  const PlannedRun missing = run_on("missing.txt", "blank");
  CHECK(shared_documents({missing, missing}) != nullptr);
}

}  // namespace moesim::testing
