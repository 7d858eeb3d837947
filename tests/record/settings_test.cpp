// Tests attributes that repeat settings, and descriptions: present for readers, not part of the
// digest.
#include "sim/core/error.hpp"
#include "sim/record/decode.hpp"
#include "sim/record/drops_window.hpp"
#include "sim/record/pack.hpp"
#include "sim/record/reader.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

RunFile described() {
  RunFile run = sample();
  run.attribute("config", "[run]\nname = x\n[router.soft]\nslots = 2\nnormalise = true\n");
  run.attribute("run.name", std::string("x"));
  run.attribute("router.soft.slots", std::int64_t{2});
  run.attribute("router.soft.normalise", std::int64_t{1});
  run.declare("extra", Variable::Type::float64, {"record"}, {}, "few words", "", "A sentence.");
  for (int i = 0; i < 2; ++i) run.append("extra", i);
  return run;
}

TEST_CASE("settings and descriptions change no digest, and readers here go without", "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  RunFile run = described();
  const std::string digest = run.digest();
  run.publish(path);
  const RunFile read = read_run_file(path);
  CHECK(read.attributes().count("router.soft.slots") == 0);
  CHECK(read.find("extra")->description.empty());
  CHECK(read.find("extra")->long_name == "few words");
  CHECK(read.find("loss")->description.empty());
  CHECK(read.digest() == digest);
  CHECK(decode_checked(path).text("sha256_blocks") == digest);

  RunFile without = sample();
  without.attribute("config", run.text("config"));
  without.declare("extra", Variable::Type::float64, {"record"}, {}, "few words");
  for (int i = 0; i < 2; ++i) without.append("extra", i);
  CHECK(without.digest() == digest);
}

TEST_CASE("what a checkpoint keeps of the records has no settings", "[record]") {
  const RunFile kept = unpack(pack(described()), {});
  CHECK(kept.text("run_id") == "token_choice-seed0");
  CHECK(kept.attributes().count("router.soft.slots") == 0);
  CHECK(kept.find("extra")->values == std::vector<double>{0, 1});
}

TEST_CASE("a part of a file is read without the settings", "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  described().publish(path);
  RunReader reader;
  const RunFile part = reader.read(path, {});
  CHECK(part.text("run_id") == "token_choice-seed0");
  CHECK(part.attributes().count("router.soft.slots") == 0);
}

TEST_CASE("a setting that the config contradicts is damage, one that it does not name is not",
          "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  RunFile run = described();
  run.attribute("note.of.somebody", std::string("kept"));
  run.publish(path);
  CHECK_NOTHROW(decode_checked(path));
  run.attribute("router.soft.slots", std::int64_t{3});
  run.publish(path);
  CHECK_THROWS_WITH(decode_checked(path),
                    "damaged (a setting among its attributes is not what its config says)");
}

TEST_CASE("names of settings have a dot inside", "[record]") {
  CHECK(is_setting_name("router.token_choice.k"));
  CHECK(is_setting_name("router.my-own.k"));
  for (const char* name : {"", "k", ".k", "k.", "a b.c", "router/soft.k", "1.k"}) {
    CAPTURE(name);
    CHECK_FALSE(is_setting_name(name));
  }
  CHECK_THROWS_AS(RunFile().attribute("a b.c", std::int64_t{1}), Error);
}

// 100 records, at steps 0, 10, ..., 990.
std::vector<double> every_ten() {
  std::vector<double> steps;
  for (int i = 0; i < 100; ++i) steps.push_back(10 * i);
  return steps;
}

TEST_CASE("the window of training drops, by hand", "[record]") {
  const auto is = [](Window window, std::size_t first, std::size_t end) {
    return window.first == first && window.end == end;
  };
  CHECK(is(drops_window(every_ten(), 1000), 90, 100));  // from step 900 on: ten of them
  CHECK(is(drops_window(every_ten(), 400), 30, 40));    // a tenth has four: the last ten
  CHECK(is(drops_window(every_ten(), 100), 5, 10));     // of the last half, which has five
  CHECK(is(drops_window(every_ten(), 5), 0, 1));        // the only one before step 5
  CHECK(is(drops_window(every_ten(), 0), 0, 0));
  CHECK(is(drops_window({0, 500}, 501), 1, 2));  // the last half has one
  CHECK(is(drops_window({0}, 300), 0, 1));       // none in the last half: the last there is
}

}  // namespace
}  // namespace moesim::testing
