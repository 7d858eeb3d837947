// Tests the grammar of config files.
#include "sim/config/parser.hpp"

#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

namespace moesim {

using testing::usage_error;

TEST_CASE("parser: a bad line is refused with its place, the reason and what to do",
          "[config][parser]") {
  struct Bad {
    std::string text, error;
  };
  using namespace std::string_literals;
  const std::string sections = "use 1 to 64 letters, digits, '_', '-' and '.'";
  const std::string neither =
      " is neither [section] nor key = value; add what is missing, or begin the line with #";
  const std::string no_text = " is not text; give a config file saved as UTF-8";
  const std::vector<Bad> all = {
      {"[run]\nsteps", "f.ini:2: 'steps'" + neither},
      {"[run]\nsteps: 3", "f.ini:2: 'steps: 3'" + neither},
      {"[run]\n= 3", "f.ini:2: bad key ''; use letters, digits, '_', '-' and '.'"},
      {"[run]\nmy steps = 3", "f.ini:2: bad key 'my steps'; use letters, digits, '_', '-' and '.'"},
      {"[run]\nsteps = 3\nsteps = 4",
       "f.ini:3: run.steps = 4: set twice in this file, first at f.ini:2; keep one"},
      {"[run]\nsteps = 3\n[moe]\n[run]\nsteps = 3",
       "f.ini:5: run.steps = 3: set twice in this file, first at f.ini:2; keep one"},
      {"steps = 3", "f.ini:1: steps = 3: stands before any section; put it under its [section]"},
      {"run.steps = 3",
       "f.ini:1: run.steps = 3: stands before any section; write 'steps = ...' under [run]"},
      {"[router]\ntoken_choice.k = 2",
       "f.ini:2: token_choice.k = 2: a key in [router] has no '.'; put it under [token_choice]"},
      {"[swep]\nrun.seed = 0..2",
       "f.ini:2: run.seed = 0..2: a key in [swep] has no '.'; did you mean [sweep]?"},
      {"[run", "f.ini:1: '[run' does not end with ']'; write [section]"},
      {"[run] steps = 3", "f.ini:1: '[run] steps = 3' does not end with ']'; write [section]"},
      {"[]", "f.ini:1: bad section '[]'; " + sections},
      {"[my run]", "f.ini:1: bad section '[my run]'; " + sections},
      {"[../run]", "f.ini:1: bad section '[../run]'; " + sections},
      {"[" + std::string(65, 'a') + "]",
       "f.ini:1: bad section '[" + std::string(60, 'a') + "...]'; " + sections},
      {"[run]\ninclude = a.ini",
       "f.ini:2: include = a.ini: stands inside a section; move it "
       "before the first [section]"},
      {"include =", "f.ini:1: include = '': no path; write include = FILE"},
      {"include = a.ini",
       "f.ini:1: include = a.ini: text from memory includes no files; give a file"},
      {"\0\0\0"s, "f.ini:1: byte 0x00 in column 1" + no_text},
      {"\x89HDF\r\n\x1a\n", "f.ini:1: byte 0x89 in column 1" + no_text},
      {"\x7f"
       "ELF",
       "f.ini:1: byte 0x7f in column 1" + no_text},
      {"[run]\nname = a\x1b[31m", "f.ini:2: byte 0x1b in column 9" + no_text},
      {"[run]\nname = a\rb", "f.ini:2: byte 0x0d in column 9" + no_text},
      {"[run]\nname = \xc0\xaf", "f.ini:2: byte 0xc0 in column 8" + no_text},
      {"[run]\nname = \xed\xa0\x80", "f.ini:2: byte 0xed in column 8" + no_text},
      {"[run]\nname = \xf4\x90\x80\x80", "f.ini:2: byte 0xf4 in column 8" + no_text},
      {"[run]\nname = \xc2\x9b"
       "31m",
       "f.ini:2: byte 0xc2 in column 8" + no_text},
      {"[run]\nname = \xe2\x82", "f.ini:2: byte 0xe2 in column 8" + no_text},
      {"\xff\xfe[\0r\0u\0n\0]\0"s, "f.ini:1: byte 0xff in column 1" + no_text},
      {"# " + std::string(65536, 'a'), "f.ini:1: longer than 64 KiB; split the line"},
      {"[sweep]\nseed = 0..2",
       "f.ini:2: seed = 0..2: a key in [sweep] is written in full; write it like router.name"},
      {"[sweep]\nrun. = 0..2",
       "f.ini:2: run. = 0..2: a key in [sweep] is written in full; write it like router.name"},
      {"[sweep]\nrun.seed =",
       "f.ini:2: run.seed = '': no value; write a list such as a, b or 1..4"},
      {"[sweep]\nrun.seed = 0,,1",
       "f.ini:2: run.seed = 0,,1: an item of the list is empty; remove the extra comma"},
      {"[sweep]\nrun.seed = 0..1\nrun.seed = 2",
       "f.ini:3: run.seed = 2: set twice in this file, first at f.ini:2; keep one"},
      {"[sweep]\nrun.seed = 0..1\n[zip.a]\nrun.seed = 2",
       "f.ini:4: run.seed = 2: set twice in this file, first at f.ini:2; keep one"},
      {"[sweep.a]", "f.ini:1: [sweep.a] takes no name; write [sweep]"},
      {"[zip]", "f.ini:1: [zip] needs a name; write [zip.NAME]"},
      {"[zip..]", "f.ini:1: [zip..] needs a name; write [zip.NAME]"},
      {"[zip.a]\n[moe]", "f.ini:1: [zip.a] is empty; write key = list lines, or remove it"},
      {"[zip.a]\na.b = 1\n[zip.a]\na.c = 2",
       "f.ini:3: [zip.a] stands twice, first at f.ini:1; merge or rename one"},
      {"[zip.size]\nmoe.experts = 4, 8\nexpert.hidden = 1..3",
       "f.ini:3: expert.hidden = 1, 2, 3: 3 values, but moe.experts (f.ini:2) has 2; the lists of "
       "[zip.size] need equal lengths"},
      {"[variant]", "f.ini:1: [variant] needs a name; write [variant.NAME]"},
      {"[variant...]", "f.ini:1: [variant...] needs a name; write [variant.NAME]"},
      {"[variant.a]\nrate = 1",
       "f.ini:2: rate = 1: a key in [variant.a] is written in full; write it like router.name"},
      {"[variant.a]\na.b = 1\na.b = 1",
       "f.ini:3: a.b = 1: set twice in this file, first at f.ini:2; keep one"},
      {"[exclude]\nrouter.name = soft",
       "f.ini:2: router.name = soft: unknown key in [exclude]; write when = key:value & key:value"},
      {"[exclude]\nwhen = router.name = soft",
       "f.ini:2: when = router.name = soft: 'router.name = soft' is no condition; write key:value "
       "& key:value, such as router.name:soft"},
      {"[exclude]\nwhen = a.b:1 &",
       "f.ini:2: when = a.b:1 &: '' is no condition; write key:value & key:value, such as "
       "router.name:soft"},
      {"[sweep]\nrouter.name = soft, hash\n[exclude]\nwhen = router.nam:soft",
       "f.ini:4: when = router.nam:soft: nothing here sets this key; did you mean router.name?"},
      {"[sweep]\nrouter.name = soft, hash\n[exclude]\nwhen = router.name:sotf",
       "f.ini:4: when = router.name:sotf: no run has this value; choose one of hash, soft"},
  };
  for (const Bad& bad : all)
    CHECK(usage_error([&bad] { parse_config(bad.text, "f.ini"); }) == bad.error);
}

TEST_CASE("parser: a broken list is refused", "[config][parser]") {
  struct Bad {
    std::string list, error;
  };
  const std::vector<Bad> all = {
      {"5..0", "range '5..0' never reaches its end; swap the ends, or write a negative step"},
      {"0..5..-1", "range '0..5..-1' never reaches its end; write a positive step"},
      {"0..5..0", "range '0..5..0' has the step 0; write another step"},
      {"1..", "bad range '1..': '' is not a number of at most 18 digits; write a..b or a..b..step"},
      {"1..x",
       "bad range '1..x': 'x' is not a number of at most 18 digits; write a..b or a..b..step"},
      {"1..nan",
       "bad range '1..nan': 'nan' is not a number of at most 18 digits; write a..b or a..b..step"},
      {"1..2..3..4", "bad range '1..2..3..4'; write a..b or a..b..step"},
      {"0.1..0.5", "range '0.1..0.5' over decimals has no step; write 0.1..0.5..STEP"},
      {"1...5", "range '1...5' over decimals has no step; write 1...5..STEP"},
      {"0..100000", "more than 100000 items; widen the step of '0..100000'"},
      {"7, 1..100000", "more than 100000 items; widen the step of '1..100000'"},
      {"-999999999999999999..999999999999999999",
       "more than 100000 items; widen the step of '-999999999999999999..999999999999999999'"},
      {"0..9223372036854775807",
       "range '0..9223372036854775807' needs more than 18 digits; round its numbers"},
      {"-9223372036854775808..1",
       "range '-9223372036854775808..1' needs more than 18 digits; round its numbers"},
      {"1..0e-9223372036854775808",
       "bad range '1..0e-9223372036854775808': '0e-92233720368547758...' is not a number of at "
       "most "
       "18 digits; write a..b or a..b..step"},
      {"0..1e300..1e-300", "range '0..1e300..1e-300' needs more than 18 digits; round its numbers"},
  };
  for (const Bad& bad : all)
    CHECK(usage_error([&bad] { parse_config("[sweep]\na.b = " + bad.list, "f.ini"); }) ==
          "f.ini:2: a.b = " + bad.list + ": " + bad.error);

  CHECK(usage_error([] { parse_config("[sweep]\na.b = 1..60000\na.c = 1..40001", "f.ini"); }) ==
        "f.ini:3: a.c = 1..40001: more than 100000 items; widen the step of '1..40001'");
}

TEST_CASE("parser: lists count ranges out", "[config][parser]") {
  struct Good {
    std::string list;
    std::vector<std::string> items;
  };
  const std::vector<Good> all = {
      {"a", {"a"}},
      {"dense, hash,token_choice", {"dense", "hash", "token_choice"}},
      {"0..2", {"0", "1", "2"}},
      {"3..3", {"3"}},
      {"-1..1", {"-1", "0", "1"}},
      {"5..0..-2", {"5", "3", "1"}},
      {"2..8..2, 16", {"2", "4", "6", "8", "16"}},
      {"0.1..0.4..0.1", {"0.1", "0.2", "0.3", "0.4"}},
      {"-.2..0.2..0.2", {"-0.2", "0", "0.2"}},
      {"1e-3..3e-3..1e-3", {"0.001", "0.002", "0.003"}},
      {"1..2..0.5", {"1", "1.5", "2"}},
      {"../a.txt, b..c", {"../a.txt", "b..c"}},
  };
  for (const Good& good : all)
    CHECK(parse_config("[sweep]\na.b = " + good.list, "f.ini").sweep.at(0).items == good.items);
}

TEST_CASE("parser: comments, blank lines, line ends and byte order mark", "[config][parser]") {
  const ConfigFile file = parse_config(
      "\xef\xbb\xbf# one\r\n; two\r\n\r\n  [run]   # three\r\n"
      "\tname = a#b;c   # four\r\nempty =   # five\r\nequation = a=b=c\r\nlast = \xce\xb1",
      "f.ini");
  CHECK(file.values.at("run.name").value == "a#b;c");
  CHECK(file.values.at("run.name").origin == "f.ini:5");
  CHECK(file.values.at("run.empty").value.empty());
  CHECK(file.values.at("run.equation").value == "a=b=c");
  CHECK(file.values.at("run.last").value == "\xce\xb1");
  CHECK(file.values.size() == 4);
  CHECK(parse_config("", "f.ini").values.empty());
}

TEST_CASE("parser: an ordinary value with a comma stays as it is", "[config][parser]") {
  const ConfigFile file = parse_config("[data]\ndomains = a, b\nspan = 0..3", "f.ini");
  CHECK(file.values.at("data.domains").value == "a, b");
  CHECK(file.values.at("data.span").value == "0..3");
  CHECK(file.sweep.empty());
}

}  // namespace moesim
