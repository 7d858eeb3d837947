// Tests options of commands that take one of a few words.
#include "experiments/commands/arguments.hpp"

#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

enum class Rows { run, arm };
constexpr Named<Rows> kRows[] = {{"run", Rows::run}, {"arm", Rows::arm}};

Arguments parsed(const std::vector<std::string>& words) {
  Arguments arguments("score RUN", "");
  arguments.value("by", "run", "rows", Offer::one_of(all_names<Rows>(kRows)))
      .value("split", "", "", Offer::one_of({"validation", "train"}))
      .value("to", "", "", Offer::one_of({"tensorboard"}))
      .value("at", "last", "last or a step", {{"last", "best"}})
      .value("fill", "", "", Offer::some_of({"token", "choice"}));
  arguments.parse(words);
  return arguments;
}

TEST_CASE("arguments: a value is one of the words, or the default", "[arguments]") {
  CHECK(parsed({}).chosen<Rows>("by", kRows) == Rows::run);
  CHECK(parsed({"--by", "arm"}).chosen<Rows>("by", kRows) == Rows::arm);
  CHECK(parsed({"--split", "train"}).text("split") == "train");
  CHECK(parsed({}).text("split").empty());
  CHECK(parsed({"--fill", "token"}).text("fill") == "token");
  CHECK(parsed({"--fill", "choice, token"}).text("fill") == "choice, token");
  CHECK(parsed({"--at", "300"}).text("at") == "300");  // words are offered, others are taken
}

TEST_CASE("arguments: another word is refused, with the nearest one and all", "[arguments]") {
  const auto refused = [](const std::vector<std::string>& words, const std::string& message) {
    CAPTURE(words);
    try {
      parsed(words);
      FAIL_CHECK("not refused");
    } catch (const Error& error) {
      CHECK(error.code() == Exit::usage);
      CHECK(error.what() == "command line: " + message);
    }
  };
  refused({"--by", "seed"}, "--by seed: unknown choice; choose one of run, arm");
  refused({"--by", ""}, "--by '': unknown choice; choose one of run, arm");
  refused({"--by", " arm"},
          "--by ' arm': unknown choice; did you mean arm? choose one of run, arm");
  refused({"--by", "RUN"}, "--by RUN: unknown choice; did you mean run? choose one of run, arm");
  refused({"--split", ""}, "--split '': unknown choice; choose one of validation, train");
  refused({"--to", ""}, "--to '': unknown choice; choose tensorboard");
  refused({"--fill", "token,choise"},
          "--fill choise: unknown choice; did you mean choice? choose one of token, choice");
  refused({"--fill", "token,"},
          "--fill = token,: an item of the list is empty; remove the extra comma");
  refused({"--fill", ""}, "--fill = '': no value; write a list such as a, b or 1..4");
  refused({"--split=valdation"},
          "--split valdation: unknown choice; did you mean validation? choose one of validation, "
          "train");
  refused({"--to", "csv"}, "--to csv: unknown choice; choose tensorboard");
}

TEST_CASE("arguments: help has the words", "[arguments]") {
  const std::vector<Argument> declared = parsed({}).declared();
  REQUIRE(declared.size() == 6);  // with --help
  CHECK(declared[1].help == "rows [run | arm]");
  CHECK(declared[2].help == "[validation | train]");
  CHECK(declared[4].help == "last or a step");
  CHECK(declared[5].help == "[token | choice; or a list: a,b]");
}

}  // namespace
}  // namespace moesim::testing
