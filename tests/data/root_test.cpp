// Tests where the files of a data set are looked up (data.root).
#include "sim/data/root.hpp"

#include "sim/data/datasets.hpp"
#include "tests/data/support.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

namespace fs = std::filesystem;

Settings settings_of(const std::vector<std::pair<std::string, std::string>>& values) {
  Settings settings;
  for (const auto& [key, value] : values) settings.set("data." + key, value, "test");
  return settings;
}

TEST_CASE("root: relative paths start there, absolute ones and patterns as well", "[data]") {
  const TemporaryFolder folder;
  const std::string root = folder / "odd [name]*";
  fs::create_directory(root);
  std::string text;
  while (text.size() < 1000) text += "xy";
  write_bytes(root + "/a.txt", text);
  write_bytes(root + "/b.txt", text);
  const auto size_of = [&](const std::string& path) {
    Settings settings = settings_of({{"name", "text"}, {"root", root}, {"path", path}});
    Options options(settings, "data");
    return make_dataset(options)->info().train_size;
  };
  CHECK(size_of("a.txt") == 900);
  CHECK(size_of("*.txt") == 1800);
  CHECK(size_of("one:a.txt; two:[ab].txt") == 2700);
  CHECK(size_of(root + "/a.txt") == 900);
  CHECK_THROWS_WITH(size_of("c.txt"), contains(root + "/c.txt: cannot be opened"));
  CHECK_THROWS_WITH(size_of("c*.txt"), contains(root + "/c*.txt: expected at least one file"));
}

TEST_CASE("root: without one, the message says where a file was looked for", "[data]") {
  Settings settings = settings_of({{"name", "text"}, {"path", "no such file"}});
  Options options(settings, "data");
  CHECK_THROWS_WITH(make_dataset(options),
                    contains("no such file: cannot be opened") &&
                        contains("looked for in " + fs::current_path().string()));
}

TEST_CASE("root: no part of the identity, but kept with the run", "[data]") {
  const TemporaryFolder folder;
  std::string text;
  while (text.size() < 1000) text += "xy";
  write_bytes(folder / "a.txt", text);
  const auto build = [&](const std::string& root, const std::string& path) {
    Settings settings = settings_of({{"name", "text"}, {"path", path}});
    if (!root.empty()) settings.set("data.root", root, "test");
    Options options(settings, "data");
    make_dataset(options);
    settings.check_all_read();
    return settings;
  };
  Settings plain = build("", folder / "a.txt"), rooted = build(folder / "", folder / "a.txt");
  CHECK(without_root(plain.resolved()) == without_root(rooted.resolved()));
  CHECK(without_root(plain.resolved()).find("root") == std::string::npos);
  CHECK(fix_root(plain) == fs::current_path().string());
  CHECK(plain.values().at("data.root").value == fs::current_path().string());
  CHECK(fix_root(rooted) + "/" == folder / "");

  Settings synthetic = settings_of({{"name", "synthetic"}});
  Options options(synthetic, "data");
  make_dataset(options);
  CHECK(fix_root(synthetic).empty());
  CHECK_FALSE(synthetic.has("data.root"));
}

TEST_CASE("root: a line of the config, and without it the config as it was", "[data]") {
  const std::string config = "[run]\nname = x\n\n[data]\nname = text\n\n[task]\nname = y\n";
  const std::string with =
      "[run]\nname = x\n\n[data]\nroot = /a b\nname = text\n\n[task]\nname = y\n";
  CHECK(with_root(config, "/a b") == with);
  CHECK(without_root(with) == config);
  CHECK(without_root(config) == config);
  CHECK(with_root(config, "") == config);
  CHECK(with_root("[run]\n", "/a") == "[run]\n");
  CHECK(without_root(with_root("[data]\nname = text\n", "/")) == "[data]\nname = text\n");
  CHECK(without_root("[data]\nroot = /a") == "[data]\n");
  CHECK(without_root("[data]\nname = text\nroot =\nx = 1\n") == "[data]\nname = text\nx = 1\n");
  // Another section's key of that name is another key.
  CHECK(without_root("[data]\nx = 1\n\n[model]\nroot = 1\n") ==
        "[data]\nx = 1\n\n[model]\nroot = 1\n");
}

}  // namespace
}  // namespace moesim::testing
