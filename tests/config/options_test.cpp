// Tests the declaration and reading of options, and the resolved config.
#include "sim/config/options.hpp"

#include "sim/config/parser.hpp"
#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

#include <limits>
#include <string>
#include <vector>

namespace moesim {
namespace {

using testing::usage_error;

// What a small program reads.
struct Program {
  index experts = 0;
  index seed = 0;
  double rate = 0;
  double momentum = 0;
  bool trace = false;
  std::string rounding;
  std::string path;

  explicit Program(Settings& settings) {
    Options moe(settings, "moe");
    experts = moe.integer("experts", 8, {1, 64}, "experts per layer");
    Options run(settings, "run");
    seed = run.integer("seed", 0, {}, "seed of everything random");
    Options train(settings, "train");
    rate = train.number("rate", 3e-3, {0, 1}, "learning rate");
    momentum = train.number("momentum", 0.9, {.low = 0}, "momentum");
    Options record(settings, "record");
    trace = record.flag("trace", false, "record every assignment");
    Options router(settings, "router.token_choice");
    rounding = router.choice("rounding", "ceil", {"ceil", "floor", "round"}, "of the capacity");
    Options data(settings, "data");
    path = data.text("path", "", "file to read");
  }
};

Settings settings_of(const std::string& text) {
  Settings settings;
  for (const auto& [key, setting] : parse_config(text, "f.ini").values)
    settings.set(key, setting.value, setting.origin);
  return settings;
}

std::string error_of(const std::string& text) {
  return usage_error([&text] {
    Settings settings = settings_of(text);
    Program program(settings);
    settings.check_all_read({{"router.soft", {"slots", "noise"}}});
  });
}

}  // namespace

TEST_CASE("options: a bad value is refused with its place, the reason and what to do",
          "[config][options]") {
  struct Bad {
    std::string text, error;
  };
  const std::string integer = "not an integer; write a whole number, 1 .. 64";
  const std::string range = "out of range; write a whole number, 1 .. 64";
  const std::string number = "not a finite number; write a number, 0 .. 1";
  const std::string flag = "not a flag; write true or false";
  const std::vector<Bad> all = {
      {"[moe]\nexperts = 4.0", "f.ini:2: moe.experts = 4.0: " + integer + "; did you mean 4?"},
      {"[moe]\nexperts =", "f.ini:2: moe.experts = '': " + integer},
      {"[moe]\nexperts = 1e3", "f.ini:2: moe.experts = 1e3: " + integer},
      {"[moe]\nexperts = 1e3x", "f.ini:2: moe.experts = 1e3x: " + integer},
      {"[moe]\nexperts = +-4", "f.ini:2: moe.experts = +-4: " + integer},
      {"[moe]\nexperts = +4", "f.ini:2: moe.experts = +4: " + integer + "; did you mean 4?"},
      {"[moe]\nexperts = --4", "f.ini:2: moe.experts = --4: " + integer},
      {"[moe]\nexperts = 0x10", "f.ini:2: moe.experts = 0x10: " + integer + "; did you mean 16?"},
      {"[moe]\nexperts = 4 8", "f.ini:2: moe.experts = 4 8: " + integer},
      {"[moe]\nexperts = 4, 8", "f.ini:2: moe.experts = 4, 8: " + integer},
      {"[moe]\nexperts = many", "f.ini:2: moe.experts = many: " + integer},
      {"[moe]\nexperts = \"4\"", "f.ini:2: moe.experts = \"4\": " + integer},
      {"[moe]\nexperts = 0", "f.ini:2: moe.experts = 0: " + range},
      {"[moe]\nexperts = -1", "f.ini:2: moe.experts = -1: " + range},
      {"[moe]\nexperts = 65", "f.ini:2: moe.experts = 65: " + range},
      {"[moe]\nexperts = 4294967295", "f.ini:2: moe.experts = 4294967295: " + range},
      {"[moe]\nexperts = 9223372036854775808",
       "f.ini:2: moe.experts = 9223372036854775808: " + range},
      {"[moe]\nexperts = " + std::string(1000, '9'),
       "f.ini:2: moe.experts = " + std::string(60, '9') + "...: " + range},
      {"[run]\nseed = x", "f.ini:2: run.seed = x: not an integer; write a whole number"},
      {"[run]\nseed = -9223372036854775809",
       "f.ini:2: run.seed = -9223372036854775809: out of range; write a whole number"},
      {"[train]\nrate = nan", "f.ini:2: train.rate = nan: " + number},
      {"[train]\nrate = -NaN", "f.ini:2: train.rate = -NaN: " + number},
      {"[train]\nrate = inf", "f.ini:2: train.rate = inf: " + number},
      {"[train]\nrate = infinity", "f.ini:2: train.rate = infinity: " + number},
      {"[train]\nrate = 1e999",
       "f.ini:2: train.rate = 1e999: out of range; write a number, 0 .. 1"},
      {"[train]\nrate = fast", "f.ini:2: train.rate = fast: " + number},
      {"[train]\nrate = 0,1", "f.ini:2: train.rate = 0,1: " + number + "; did you mean 0.1?"},
      {"[train]\nrate = 1e", "f.ini:2: train.rate = 1e: " + number},
      {"[train]\nrate = 0x1p-3", "f.ini:2: train.rate = 0x1p-3: " + number},
      {"[train]\nrate = -0.1", "f.ini:2: train.rate = -0.1: out of range; write a number, 0 .. 1"},
      {"[train]\nmomentum = -1",
       "f.ini:2: train.momentum = -1: out of range; write a number, >= 0"},
      {"[record]\ntrace = maybe", "f.ini:2: record.trace = maybe: " + flag},
      {"[record]\ntrace = TRUE", "f.ini:2: record.trace = TRUE: " + flag},
      {"[record]\ntrace =", "f.ini:2: record.trace = '': " + flag},
      {"[router.token_choice]\nrounding = cell",
       "f.ini:2: router.token_choice.rounding = cell: unknown choice; did you mean ceil? choose "
       "one of ceil, floor, round"},
      {"[router.token_choice]\nrounding = upwards",
       "f.ini:2: router.token_choice.rounding = upwards: unknown choice; choose one of ceil, "
       "floor, round"},
      {"[moe]\nexpert = 4", "f.ini:2: moe.expert = 4: unknown option; did you mean moe.experts?"},
      {"[moe]\n\n# more\nEXPERTS = 4",
       "f.ini:4: moe.EXPERTS = 4: unknown option; did you mean moe.experts?"},
      {"[moe]\nrate = 1", "f.ini:2: moe.rate = 1: unknown option; did you mean train.rate?"},
      {"[moe]\nslots = 1",
       "f.ini:2: moe.slots = 1: unknown option; did you mean "
       "router.soft.slots?"},
      {"[train]\nwarmup_steps = 1",
       "f.ini:2: train.warmup_steps = 1: unknown option; did you mean train.warmup?"},
      {"[trian]\nrate = 1",
       "f.ini:2: trian.rate = 1: unknown section [trian]; did you mean train?"},
      {"[router.soft]\nslot = 1",
       "f.ini:2: router.soft.slot = 1: unknown option; did you mean router.soft.slots?"},
      {"[router.sotf]\nslots = 1",
       "f.ini:2: router.sotf.slots = 1: unknown section [router.sotf]; did you mean router.soft?"},
      {"[optimiser]\nrate = 1",
       "f.ini:2: optimiser.rate = 1: unknown section [optimiser]; did you mean train.rate?"},
  };
  for (const Bad& bad : all) CHECK(error_of(bad.text) == bad.error);
}

TEST_CASE("options: good values are read in every way of writing them", "[config][options]") {
  Settings settings = settings_of(
      "[moe]\nexperts = 016\n[run]\nseed = -9223372036854775808\n[train]\nrate = 3e-3\n"
      "momentum = .5\n[record]\ntrace = on\n[router.token_choice]\nrounding = floor\n"
      "[data]\npath = ../my data, both.txt#1\n[router.soft]\nslots = 2\n");
  const Program program(settings);
  CHECK(program.experts == 16);
  CHECK(program.seed == std::numeric_limits<index>::min());
  CHECK(program.rate == 3e-3);
  CHECK(program.momentum == 0.5);
  CHECK(program.trace);
  CHECK(program.rounding == "floor");
  CHECK(program.path == "../my data, both.txt#1");
  CHECK_NOTHROW(settings.check_all_read({{"router.soft", {"slots"}}}));

  for (const std::string yes : {"true", "yes", "on", "1"})
    for (const std::string no : {"false", "no", "off", "0"}) {
      Settings flags = settings_of("[a]\nyes = " + yes + "\nno = " + no);
      Options options(flags, "a");
      CHECK(options.flag("yes", false, ""));
      CHECK_FALSE(options.flag("no", true, ""));
    }
}

TEST_CASE("options: the resolved config reads back as itself", "[config][options]") {
  Settings settings = settings_of("[train]\nrate = 3e-3\n[moe]\nexperts = 016\n[record]\ntrace=1");
  const Program program(settings);
  const std::string expected =
      "[moe]\nexperts = 16\n\n"
      "[run]\nseed = 0\n\n"
      "[train]\nrate = 0.003\nmomentum = 0.9\n\n"
      "[record]\ntrace = true\n\n"
      "[router.token_choice]\nrounding = ceil\n\n"
      "[data]\npath =\n";
  CHECK(settings.resolved() == expected);

  Settings again = settings_of(settings.resolved());
  const Program same(again);
  CHECK_NOTHROW(again.check_all_read());
  CHECK(again.resolved() == expected);
}

TEST_CASE("options: numbers survive the resolved config bit for bit", "[config][options]") {
  for (const double value : {0.1 + 0.2, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 1e22}) {
    Settings settings;
    CHECK(Options(settings, "a").number("x", value, {}, "") == value);
    Settings again = settings_of(settings.resolved());
    CHECK(Options(again, "a").number("x", 7, {}, "") == value);
  }
}

TEST_CASE("options: text that no config file can hold is refused", "[config][options]") {
  struct Bad {
    std::string value, error;
  };
  const std::string comment = "' #' would begin a comment in a config file; remove it";
  const std::vector<Bad> all = {
      {"a #b", "test: data.path = a #b: " + comment},
      {"#b", "test: data.path = #b: " + comment},
      {"a ", "test: data.path = a : begins or ends with a space; remove it"},
      {"a\nb", "test: data.path = a?b: has a control character or is not UTF-8; use plain text"},
      {"\x1b[31m",
       "test: data.path = ?[31m: has a control character or is not UTF-8; use plain "
       "text"},
      {"\xff", "test: data.path = ?: has a control character or is not UTF-8; use plain text"},
  };
  for (const Bad& bad : all) {
    Settings settings;
    settings.set("data.path", bad.value, "test");
    CHECK(usage_error([&] { Options(settings, "data").text("path", "", ""); }) == bad.error);
  }
}

TEST_CASE("options: the first declaration of an option stands", "[config][options]") {
  Settings settings;
  Options options(settings, "a");
  CHECK(options.integer("k", 2, {1, 4}, "first") == 2);
  CHECK(options.integer("k", 3, {1, 4}, "second") == 2);
  const OptionInfo& info = settings.declared().at("a.k");
  CHECK(info.type == "integer");
  CHECK(info.default_value == "2");
  CHECK(info.range == "1 .. 4");
  CHECK(info.help == "first");
  CHECK(settings.resolved() == "[a]\nk = 2\n");
}

TEST_CASE("options: an error of the caller's own says where the value stands",
          "[config][options]") {
  Settings settings = settings_of("[a]\nk = 3");
  Options options(settings, "a");
  CHECK(usage_error([&] { options.reject("k", "3 does not divide 8; use 2 or 4"); }) ==
        "f.ini:2: a.k = 3: 3 does not divide 8; use 2 or 4");
  options.integer("n", 5, {}, "");
  CHECK(options.where("n") == "default: a.n = 5");
}

TEST_CASE("options: an earlier way to write one is read, listed, and not resolved", "[config]") {
  const auto read = [](Settings& settings) {
    Options options(settings, "eval");
    const std::optional<index> old = options.former_integer("old", {0, 9}, "eval.new, halved");
    const index value = options.integer("new", old ? 2 * *old : 5, {0, 99}, "what it is now");
    settings.check_all_read();
    return value;
  };
  Settings before = settings_of("[eval]\nold = 4\n"), now = settings_of("[eval]\nnew = 8\n"), none;
  CHECK(read(before) == 8);
  CHECK(read(now) == 8);
  CHECK(read(none) == 5);
  CHECK(before.resolved() == "[eval]\nnew = 8\n");
  CHECK(before.resolved() == now.resolved());
  CHECK(none.declared().at("eval.old").help == "the earlier way to write eval.new, halved");
  CHECK(none.declared().at("eval.old").range == "0 .. 9");
  CHECK(usage_error([&] {
          Settings settings = settings_of("[eval]\nold = 10\n");
          read(settings);
        }) == "f.ini:2: eval.old = 10: out of range; write a whole number, 0 .. 9");
}

}  // namespace moesim
