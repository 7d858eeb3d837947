// Tests the options that export, plot and report share.
#include "experiments/commands/analysis_arguments.hpp"

#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

namespace moesim::testing {
namespace {

using Names = std::vector<std::string>;

AnalysisArguments read(const std::vector<std::string>& words) {
  Arguments arguments("export PATH...", "about");
  add_analysis_arguments(arguments);
  REQUIRE(arguments.parse(words));
  return analysis_arguments(arguments, "export what?");
}

std::string rejection(const std::vector<std::string>& words) {
  try {
    read(words);
  } catch (const Error& error) {
    CHECK(error.code() == Exit::usage);
    return error.what();
  }
  return "none";
}

TEST_CASE("analysis arguments: names of arms are told apart by commas", "[analysis]") {
  const auto names = [](const std::string& list) { return names_in(list, "--arm"); };
  CHECK(names("dense") == Names{"dense"});
  CHECK(names("dense, top k=2 ,hash") == Names{"dense", "top k=2", "hash"});
  CHECK(names("\"a, b\",c") == Names{"a, b", "c"});
  CHECK(names("\"say \"\"a\"\"\" , c") == Names{"say \"a\"", "c"});
  CHECK(names("\" a\"") == Names{" a"});
  CHECK(names("a (k = 1, x = 2),b") == Names{"a (k = 1, x = 2)", "b"});
  CHECK(names("a \"b\",c") == Names{"a \"b\"", "c"});
  CHECK(names("a),b (,c") == Names{"a)", "b (,c"});
  CHECK(names("\"b (\",c") == Names{"b (", "c"});
}

TEST_CASE("analysis arguments: what is asked for", "[analysis]") {
  const AnalysisArguments plain = read({"runs"});
  CHECK(plain.request.paths == Names{"runs"});
  CHECK_FALSE(plain.request.all);
  CHECK(plain.request.status_of);
  CHECK(plain.arms.empty());
  CHECK(plain.baseline.empty());
  CHECK(plain.at == "last");
  CHECK_FALSE(plain.target);

  const AnalysisArguments all = read({"a", "--all", "--arm", "x,y", "b", "--arm", "\"p,q\"", "--at",
                                      "0012", "--target", "-1.85e-1", "--baseline", "x"});
  CHECK(all.request.paths == Names{"a", "b"});
  CHECK(all.request.all);
  CHECK(all.arms == Names{"x", "y", "p,q"});
  CHECK(all.baseline == "x");
  CHECK(all.at == "0012");
  CHECK(all.target == -0.185);
  CHECK(all.target_text == "-1.85e-1");
  CHECK(read({"r", "--target", "baseline"}).target_text == "baseline");
  CHECK_FALSE(read({"r", "--target", "baseline"}).target);
}

TEST_CASE("analysis arguments: mistakes are named", "[analysis]") {
  CHECK(rejection({}) == "command line: export what? usage: moesim export PATH...");
  CHECK(rejection({"r", "--at", "lst"}).starts_with("--at lst: expected last, best or "));
  CHECK(rejection({"r", "--at", "-1"}).starts_with("--at -1: expected last, best or "));
  CHECK(rejection({"r", "--target", "x"}) ==
        "command line: --target x: expected a loss, or baseline for that of the baseline");
  CHECK(rejection({"r", "--arm", "a,,b"}) ==
        "command line: --arm a,,b: a name is empty; write NAME,NAME");
  CHECK(rejection({"r", "--arm", "\"a"}) ==
        "command line: --arm \"a: the double quotes do not close");
  CHECK(rejection({"r", "--arm", "\"a\"b"}) ==
        "command line: --arm \"a\"b: a comma is missing behind a name in double quotes");
}

}  // namespace
}  // namespace moesim::testing
