// Tests the detection of invisible and confusable characters in configs.
#include "sim/config/characters.hpp"

#include "sim/config/options.hpp"
#include "sim/config/parser.hpp"
#include "sim/config/sweep.hpp"
#include "sim/config/text.hpp"
#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {
namespace {

using testing::usage_error;

// What a run says that reads a whole number, a number, a flag, a choice and a text.
std::string said_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return usage_error([&] {
    for (RunSpec& run : expand(parse_config(text, "f.ini"), overrides)) {
      Settings& settings = run.settings;
      Options(settings, "run").integer("steps", 1, {}, "steps");
      Options(settings, "train").number("rate", 1, {}, "rate");
      Options(settings, "model").flag("tied", false, "tied");
      Options(settings, "router").choice("name", "soft", {"soft", "hash"}, "router");
      Options(settings, "data").text("path", "", "file");
      settings.check_all_read();
    }
  });
}

}  // namespace

TEST_CASE("characters: what cannot be seen is named by code point and column", "[config]") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"[run]\nsteps = 300\u00a0",
       "f.ini:2: run.steps = 300\u00a0: U+00A0 NO-BREAK SPACE in column 12; delete it, or write a "
       "plain space"},
      {"[run]\u00a0\nsteps = 1",
       "f.ini:1: U+00A0 NO-BREAK SPACE in column 6; delete it, or write a plain space"},
      {"[run]\nsteps\u00a0= 1",
       "f.ini:2: U+00A0 NO-BREAK SPACE in column 6; delete it, or write a plain space"},
      {"[run]\n\u00a0\u00a0steps = 1",
       "f.ini:2: U+00A0 NO-BREAK SPACE in column 1; delete it, or write a plain space"},
      {"[run]\n\u3000\n",
       "f.ini:2: U+3000 IDEOGRAPHIC SPACE in column 1; delete it, or write a plain space"},
      {"[run]\nsteps = 1\n\ufeff[train]\nrate = 1",
       "f.ini:3: U+FEFF ZERO WIDTH NO-BREAK SPACE (byte order mark) in column 1; delete it"},
      {"[router]\nname = soft\u200b",
       "f.ini:2: router.name = soft\u200b: U+200B ZERO WIDTH SPACE in column 12; delete it"},
      {"[router]\nname = so\u00adft",
       "f.ini:2: router.name = so\u00adft: U+00AD SOFT HYPHEN in column 10; delete it"},
      {"[router]\nname = so\u200dft",
       "f.ini:2: router.name = so\u200dft: U+200D ZERO WIDTH JOINER in column 10; delete it"},
      {"[data]\npath = a\u202ebc",
       "f.ini:2: data.path = a\u202ebc: U+202E RIGHT-TO-LEFT OVERRIDE in column 9; delete it"},
      {"[run]\nsteps = 1\u00a0000",
       "f.ini:2: run.steps = 1\u00a0000: U+00A0 NO-BREAK SPACE in column 10; delete it, or write "
       "a plain space"},
      {"[train]\nrate = 1e\u22123",
       "f.ini:2: train.rate = 1e\u22123: U+2212 MINUS SIGN in column 10; write '-'"},
      {"[train]\nrate = \u20131",
       "f.ini:2: train.rate = \u20131: U+2013 EN DASH in column 8; write '-'"},
      {"[router]\nname = \u201csoft\u201d",
       "f.ini:2: router.name = \u201csoft\u201d: U+201C LEFT DOUBLE QUOTATION MARK in column 8; "
       "write it without quotation marks"},
      {"[model]\ntied = tru\u0435",
       "f.ini:2: model.tied = tru\u0435: U+0435 '\u0435' in column 11; write letters, digits and "
       "signs of ASCII"},
      {"[run]\nst\u0435ps = 1",
       "f.ini:2: U+0435 '\u0435' in column 3; write letters, digits and signs of ASCII"},
      {"[run]\nsteps \uff1d 1", "f.ini:2: U+FF1D (a fullwidth form) in column 7; write '='"},
      {"[train]\nrate = \uff11.5",
       "f.ini:2: train.rate = \uff11.5: U+FF11 (a fullwidth form) in column 8; write '1'"},
      {"[sweep]\ntrain.rate = 0.1, 1e\u22123",
       "f.ini:2: train.rate = 1e\u22123: U+2212 MINUS SIGN in column 21; write '-'"},
      {"[router]\nname = soft\n[exclude]\nwhen = router.name:\u200bsoft",
       "f.ini:4: when = router.name:\u200bsoft: U+200B ZERO WIDTH SPACE in column 20; delete it"},
  };
  for (const auto& [text, message] : cases) CHECK(said_of(text) == message);
}

TEST_CASE("characters: the command line is read as a file is", "[config]") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"run.steps=300\u00a0",
       "command line: run.steps = 300\u00a0: U+00A0 NO-BREAK SPACE in column 14; delete it, or "
       "write a plain space"},
      {"run.steps\u200b=3",
       "command line: 'run.steps\u200b=3': U+200B ZERO WIDTH SPACE in column 10; delete it"},
      {"run.se\xe5"
       "d=1,2",
       "command line: 'run.se?d=1,2': byte 0xe5, which is no UTF-8, in column 7; write letters, "
       "digits and signs of ASCII"},
      {"\u2014dry-run", "command line: '\u2014dry-run': U+2014 EM DASH in column 1; write '-'"},
      {"train.rate=1e\u20133",
       "command line: train.rate = 1e\u20133: U+2013 EN DASH in column 14; write '-'"},
  };
  for (const auto& [word, message] : cases) CHECK(said_of("", {word}) == message);
}

TEST_CASE("characters: a text has the letters of any script", "[config]") {
  for (const char* path : {"caf\u00e9.txt", "\u8cc7\u6599/\u6587.txt", "a\u00a0b.txt",
                           "\u0645\u06cc\u200c\u062e.txt", "\u2764\ufe0f", "a \u2013 b.txt"}) {
    CHECK(said_of(std::string("[data]\npath = ") + path) == "no error");
    CHECK(said_of("", {std::string("data.path=") + path}) == "no error");
    CHECK(config::value_problem(path).empty());
  }
  CHECK(said_of("# caf\u00e9\u00a0\u200b\n[run]\nsteps = 1 # \u200b") == "no error");
  CHECK(said_of("\ufeff[run]\nsteps = 1") == "no error");  // a byte order mark at the start
}

}  // namespace moesim
