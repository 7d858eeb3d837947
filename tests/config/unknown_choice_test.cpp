// Tests the refusal of a word that is none of a few, and which word it suggests.
#include "sim/config/unknown_choice.hpp"

#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {

TEST_CASE("nearest: misspelt words, also in capitals", "[config]") {
  CHECK(nearest("RUN", {"arm", "run"}) == "run");
  CHECK(nearest("Moe.Expert", {"moe.experts"}) == "moe.experts");
  CHECK(nearest("dense", {"Dens"}) == "Dens");
  CHECK(nearest("quickstrat", {"quickstart"}) == "quickstart");  // two replaced
  CHECK(nearest("trian", {"train"}) == "train");
  CHECK(nearest("jsn", {"json"}) == "json");
  CHECK(nearest("runs", {"ran", "run"}) == "run");
}

TEST_CASE("nearest: none for a word of which half is another, but one letter too many is a slip",
          "[config]") {
  CHECK(nearest("", {"md", "k"}).empty());
  CHECK(nearest("kk", {"k"}) == "k");
  CHECK(nearest("csv", {"md"}).empty());
  CHECK(nearest("foo", {"root"}).empty());
  CHECK(nearest("x", {"k"}).empty());
  CHECK(nearest("seed", {"run", "arm"}).empty());
  CHECK(nearest("abc", {"xbz"}).empty());
}

TEST_CASE("unknown choice: the value is seen to its ends", "[config]") {
  CHECK(config::shown_value("") == "''");
  CHECK(config::shown_value(" csv") == "' csv'");
  CHECK(config::shown_value("csv\t") == "'csv\t'");
  CHECK(config::shown_value("a b") == "a b");
  CHECK(config::shown_value("a\nb") == "a?b");
  CHECK_NOTHROW(config::require_choice("--by", "arm", {"run", "arm"}));
  CHECK_THROWS_WITH(config::require_choice("--by", " arm", {"run", "arm"}),
                    "command line: --by ' arm': unknown choice; did you mean arm? choose one of "
                    "run, arm");
}

}  // namespace moesim::testing
