// Tests the arguments of `moesim check`.
#include "experiments/commands/check_arguments.hpp"

#include "experiments/commands/check.hpp"
#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace moesim {
namespace {

using Words = std::vector<std::string>;

std::string kind_of(const CheckRow& row) {
  return row.subject.router.empty() ? "expert " + row.subject.expert
                                    : "router " + row.subject.router;
}

Words kinds(const Words& arguments, bool all = false) {
  Words names;
  for (const CheckRow& row : check_rows(arguments, all))
    if (std::find(names.begin(), names.end(), kind_of(row)) == names.end())
      names.push_back(kind_of(row));
  return names;
}

std::string rejection(const Words& arguments) {
  try {
    check_rows(arguments, false);
  } catch (const Error& error) {
    CHECK(error.code() == Exit::usage);
    return error.what();
  }
  FAIL("accepted");
  return {};
}

TEST_CASE("check: without names everything that is registered", "[check]") {
  Words everything;
  for (const std::string& name : Registry<Router>::names()) everything.push_back("router " + name);
  for (const std::string& name : Registry<Expert>::names()) everything.push_back("expert " + name);
  CHECK(kinds({}) == everything);
  CHECK(kinds({}, true) == everything);
  CHECK(check_rows({}, true).size() > check_rows({}, false).size());
}

TEST_CASE("check: names are routers, experts, or say which", "[check]") {
  CHECK(kinds({"swiglu"}) == Words{"expert swiglu"});
  CHECK(kinds({"swiglu", "soft"}) == Words{"router soft", "expert swiglu"});
  CHECK(kinds({"expert.mlp"}) == Words{"expert mlp"});
  CHECK(kinds({"router.soft"}) == Words{"router soft"});
  Words settings;
  for (const CheckRow& row : check_rows({"mlp"}, false)) settings.push_back(row.settings);
  CHECK(settings == Words{"defaults", "activation=relu", "activation=silu",
                          "activation=relu_squared", "bias=first", "bias=none"});

  CHECK_THAT(rejection({"swigl"}), testing::contains("did you mean swiglu?"));
  CHECK_THAT(rejection({"tokenchoice"}), testing::contains("did you mean token_choice?"));
  CHECK_THAT(rejection({"router.swiglu"}), testing::contains("no router of this name"));
  CHECK_THAT(rejection({"expert.sof"}), testing::contains("no expert of this name"));
  CHECK_THAT(rejection({"xyzzy"}), testing::contains("token_choice"));
}

TEST_CASE("check: settings belong to the name before them", "[check]") {
  const std::vector<CheckRow> rows =
      check_rows({"token_choice", "k=2", "expert.name=swiglu", "moe.experts=8", "soft", "swiglu",
                  "expert.hidden=9"},
                 false);
  const CheckRow& first = rows.front();
  CHECK(first.settings == "k=2 expert.name=swiglu moe.experts=8");
  CHECK(first.subject.router == "token_choice");
  CHECK(first.subject.expert == "swiglu");
  REQUIRE(first.subject.given.size() == 3);
  CHECK(first.subject.given[0].key == "router.token_choice.k");
  CHECK(first.subject.given[0].value == "2");
  CHECK(rows[1].subject.router == "soft");
  CHECK(rows[1].subject.given.empty());
  CHECK(rows.back().subject.expert == "swiglu");
  CHECK(rows.back().subject.given[0].key == "expert.hidden");
  // In full, and with what separates other grammars inside of the value.
  const std::vector<CheckRow> full = check_rows({"hash", "router.hash.k=a b=c, d"}, false);
  REQUIRE(full.size() == 1);
  CHECK(full[0].subject.given[0].key == "router.hash.k");
  CHECK(full[0].subject.given[0].value == "a b=c, d");

  CHECK_THAT(rejection({"k=2", "soft"}), testing::contains("stands before"));
  CHECK_THAT(rejection({"soft", "=2"}), testing::contains("expected key=value"));
  CHECK_THAT(rejection({"soft", "expert.name=swigl"}), testing::contains("did you mean swiglu?"));
}

TEST_CASE("check: a name that a router and an expert share stands for both", "[check]") {
  Registry<Router>::add({"affine", "for a test", Registry<Router>::find("hash").make});
  CHECK(kinds({"affine"}) == Words{"router affine", "expert affine"});
  CHECK(kinds({"expert.affine", "moe.experts=2"}) == Words{"expert affine"});
  CHECK_THAT(rejection({"affine", "moe.experts=2"}),
             testing::contains("write router.affine or expert.affine"));
  Registry<Router>::remove("affine");
}

TEST_CASE("check: a setting that is rejected is an error of usage that says where", "[check]") {
  const auto message = [](const Words& arguments) {
    std::ostringstream out;
    try {
      check_command(arguments, false, out);
    } catch (const Error& error) {
      CHECK(error.code() == Exit::usage);
      CHECK(out.str().empty());
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK_THAT(message({"token_choice", "k=-1"}),
             testing::contains("command line: router.token_choice.k = -1: out of range"));
  CHECK_THAT(message({"token_choice", "kk=2"}),
             testing::contains("did you mean router.token_choice"));
  CHECK_THAT(message({"soft", "router.token_choice.k=2"}), testing::contains("unknown section"));
  CHECK_THAT(message({"mlp", "activation=glu"}), testing::contains("did you mean gelu?"));
  CHECK_THAT(message({"swiglu", "expert.hidden=-1"}), testing::contains("expert.hidden = -1"));
  CHECK_THAT(message({"soft", "slots=1048576"}),
             testing::contains("command line: check soft slots=1048576: needs some"));
}

TEST_CASE("check: effort of a certificate, from sizes", "[check]") {
  // D = 6, E = 4, 32 tokens, H = 5: P = 4000 slots in each of four sequences. The router keeps
  // 5 · 32 · P + D · P = 664,000 numbers, and 4 · P rows keep 2 D + 10 each: 352,000; its
  // parameters are D · P + 1, and those of the experts 4 · (6 · 5 + 5 + 5 · 6 + 6).
  Subject subject;
  subject.router = "soft";
  subject.given = {{"router.soft.slots", "1000"}};
  const double small = 4 * (24001 + 284) + 2 * (664000 + 16000 * (12 + 10.0));
  // On the large site D = 50, 768 tokens in 8 sequences.
  const double large = 4 * (200001 + 4 * (50 * 5 + 5 + 5 * 50 + 50)) +
                       2 * (5 * 768 * 4000.0 + 50 * 4000 + 32000 * (100 + 10.0));
  REQUIRE(large > small);
  CHECK(effort_of(subject).bytes == sizeof(real) * large);
  subject.given[0].value = "1048576";
  CHECK(effort_of(subject).bytes > 1e11);
  CHECK(effort_of(subject).operations > 1e12);
}

}  // namespace
}  // namespace moesim
