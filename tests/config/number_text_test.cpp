// Tests suggestions for numbers in other notations.
#include "sim/config/number_text.hpp"

#include "sim/config/options.hpp"
#include "sim/config/parser.hpp"
#include "sim/config/sweep.hpp"
#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

namespace moesim {
namespace {

using config::may_be_one_number;
using config::meant_number;
using testing::usage_error;

// Values of the runs of a sweep over a number and a whole number, or what is wrong with them.
std::string outcome(const std::string& text, const std::vector<std::string>& overrides) {
  std::string read;
  const std::string error = usage_error([&] {
    for (RunSpec& run : expand(parse_config(text, "f.ini"), overrides)) {
      Options train(run.settings, "train");
      train.number("rate", 1, {}, "rate");
      train.integer("batch", 1, {}, "batch");
      read += (read.empty() ? "" : " ") + run.settings.effective("train.rate") + "/" +
              run.settings.effective("train.batch");
    }
  });
  return error == "no error" ? read : error;
}

}  // namespace

TEST_CASE("numbers: a list that may be one number with commas", "[config]") {
  for (const char* list : {"0,003", "1,024", "1,000,000", "0,05,0,1,0,03", "-0,003", "00,01"}) {
    CAPTURE(list);
    CHECK(may_be_one_number(list, false) == may_be_one_number(list, true));
    CHECK(may_be_one_number(list, true));
  }
  for (const char* list : {"1,5", "0,1", "0,25", "-0,5", "12,5", "1,5e-3", "1,2e-3"}) {
    CAPTURE(list);
    CHECK(may_be_one_number(list, false));
  }
  for (const char* list : {"1,536", "1,234,567"}) CHECK(may_be_one_number(list, true));
  // Lists of whole numbers, where whole ones are wanted.
  for (const char* list : {"0,1", "1,2", "1,2,3", "64,128", "128,256,512", "0,100", "10,20,30"}) {
    CAPTURE(list);
    CHECK_FALSE(may_be_one_number(list, true));
  }
  for (const char* list : {"0, 003", "0, 3", "1,2", "2,1", "1,10", "12,500", "1,1.25,2",
                           "0.001,0.003", "1,2,3", "0,1e-3", "0..4", "cpu,cuda:0", "3", ""}) {
    CAPTURE(list);
    CHECK_FALSE(may_be_one_number(list, false));
  }
}

TEST_CASE("numbers: a list of whole numbers that could be one is worth a word", "[config]") {
  for (const char* list : {"12,500", "64,128", "100,200"}) CHECK(config::is_doubtful(list, true));
  for (const char* list : {"12, 500", "1,2", "0,100", "12,50", "128,256,512", "012,500", "12", ""})
    CHECK_FALSE(config::is_doubtful(list, true));
  for (const char* list : {"1,2", "2,1", "10,20"}) CHECK(config::is_doubtful(list, false));
  for (const char* list : {"1, 2", "1.0,2", "1,2,3", "2", "a,b"})
    CHECK_FALSE(config::is_doubtful(list, false));
}

TEST_CASE("numbers: a decimal comma is no list", "[config]") {
  CHECK(outcome("", {"train.rate=0,003"}) ==
        "command line: train.rate = 0,003: one number, or a list? write 0.003, or '0, 003' with a "
        "space for the list");
  CHECK(outcome("", {"train.batch=1,024"}) ==
        "command line: train.batch = 1,024: one number, or a list? write 1024, or '1, 024' with a "
        "space for the list");
  CHECK(outcome("[sweep]\ntrain.rate = 1,5", {}) ==
        "f.ini:2: train.rate = 1,5: one number, or a list? write 1.5, or '1, 5' with a space for "
        "the list");
  CHECK(outcome("[zip.z]\ntrain.rate = 0,003\ntrain.batch = 1, 2", {}) ==
        "f.ini:2: train.rate = 0,003: one number, or a list? write 0.003, or '0, 003' with a space "
        "for the list");
  CHECK(outcome("", {"train.rate=0, 3"}) == "0/1 3/1");
  CHECK(outcome("", {"train.rate=0.001,0.003"}) == "0.001/1 0.003/1");
  CHECK(outcome("", {"train.batch=1,2"}) == "1/1 1/2");
  CHECK(outcome("[sweep]\ntrain.rate = 0, 5\ntrain.batch = 0,1", {}) == "0/0 0/1 5/0 5/1");
}

TEST_CASE("numbers: what was meant is said", "[config]") {
  struct Case {
    const char* text;
    const char* number;
    const char* whole;
  };
  for (const Case& c : {Case{"0,003", "0.003", ""},
                        {"1,024", "1.024", "1024"},
                        {"1_000", "1000", "1000"},
                        {"1'000'000", "1000000", "1000000"},
                        {"1 000", "1000", "1000"},
                        {"+3", "3", "3"},
                        {"+0.5", "0.5", ""},
                        {"0x10", "16", "16"},
                        {"5%", "0.05", ""},
                        {"200 %", "2", "2"},
                        {"1e3", "1000", "1000"},
                        {"3.0", "3", "3"},
                        {"1,000,000", "1000000", "1000000"},
                        {"nan", "", ""},
                        {"inf", "", ""},
                        {"fast", "", ""},
                        {"1_", "", ""},
                        {"", "", ""},
                        {"1,2,3", "", ""},
                        {"4 8", "", ""},
                        {"+-4", "", ""},
                        {"0x", "", ""},
                        {"%", "", ""}}) {
    CAPTURE(c.text);
    CHECK(meant_number(c.text, false) == c.number);
    CHECK(meant_number(c.text, true) == c.whole);
  }
  CHECK(outcome("[train]\nrate = 0,003", {}) ==
        "f.ini:2: train.rate = 0,003: not a finite number; write a number; did you mean 0.003?");
  CHECK(outcome("[train]\nbatch = 1e3", {}) ==
        "f.ini:2: train.batch = 1e3: not an integer; write a whole number; did you mean 1000?");
  CHECK(outcome("[train]\nbatch = +3", {}) ==
        "f.ini:2: train.batch = +3: not an integer; write a whole number; did you mean 3?");
  CHECK(outcome("[train]\nrate = 1e400", {}) ==
        "f.ini:2: train.rate = 1e400: out of range; write a number");
}

TEST_CASE("numbers: whole numbers stay whole beyond 2^53", "[config]") {
  CHECK(outcome("", {"train.batch=4611686018427387903"}) == "1/4611686018427387903");
  CHECK(outcome("", {"train.batch=9007199254740992..9007199254740994"}) ==
        "1/9007199254740992 1/9007199254740993 1/9007199254740994");
  CHECK(outcome("", {"train.batch=9007199254740992,9007199254740993"}) ==
        "1/9007199254740992 1/9007199254740993");
}

}  // namespace moesim
