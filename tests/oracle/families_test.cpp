// Tests that every family of oracle files is read by some test, or named.
#include "tests/support/catch.hpp"
#include "tests/support/oracle.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>

namespace moesim::testing {

TEST_CASE("oracle: every family is known or named", "[oracle]") {
  const std::filesystem::path folder = oracle_folder();
  if (folder.empty()) {
    fmt::print("oracle families: skipped: MOESIM_ORACLES is not set\n");
    SUCCEED();
    return;
  }
  INFO("MOESIM_ORACLES = " << folder.string());
  REQUIRE(std::filesystem::is_directory(folder));
  const auto& known = oracle_families();
  std::vector<std::string> families, unknown, empty;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_directory()) families.push_back(entry.path().filename().string());
  std::sort(families.begin(), families.end());
  std::size_t found = 0;
  for (const std::string& family : families) {
    const std::size_t cases = oracle_files(family).size();
    if (std::find(known.begin(), known.end(), family) == known.end())
      unknown.push_back(fmt::format("{} ({})", family, cases));
    else if (cases > 0)
      ++found;
  }
  for (const std::string& family : known)
    if (oracle_files(family).empty()) empty.push_back(family);
  const auto named = [](const std::vector<std::string>& names) {
    return names.empty() ? std::string("none") : fmt::format("{}", fmt::join(names, ", "));
  };
  fmt::print("oracle families: {} compared; without cases: {}; not known, with their cases: {}\n",
             found, named(empty), named(unknown));
  std::fflush(stdout);
  // A folder without any of them is a wrong path.
  CHECK(found > 0);
}

}  // namespace moesim::testing
