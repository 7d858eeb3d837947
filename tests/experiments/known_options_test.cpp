// Tests the list of options against the sources: every call that reads an option is found by its
// text.
#include "experiments/commands/known_options.hpp"

#include "experiments/sweep/experiment.hpp"
#include "sim/config/synonyms.hpp"
#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

namespace moesim::testing {
namespace {

namespace fs = std::filesystem;

// "data.path" where the file tells the section, else ".path".
std::set<std::string> read_in_sources() {
  const std::regex call(R"re(\.\s*(integer|number|flag|choice|text)\(\s*"([a-z][a-z0-9_]*)",)re");
  const fs::path root = MOESIM_SOURCE_DIR;
  std::set<std::string> keys;
  const auto scan = [&](const fs::path& path, const std::string& section) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (std::sregex_iterator at(text.begin(), text.end(), call), end; at != end; ++at)
      keys.insert(section + "." + (*at)[2].str());
  };
  const auto scan_folder = [&](const char* folder, const auto& section_of) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.path().extension() == ".cpp") scan(entry.path(), section_of(entry.path()));
  };
  const auto named = [](const std::string& kind) {
    return [kind](const fs::path& path) { return kind + "." + path.stem().string(); };
  };
  const auto fixed = [](const std::string& section) {
    return [section](const fs::path&) { return section; };
  };
  scan_folder("routers", named("router"));
  scan_folder("experts", named("expert"));
  scan_folder("sim/data", fixed("data"));
  scan_folder("sim/task", fixed("task"));
  for (const char* folder : {"sim/nn", "sim/moe", "sim/train"}) scan_folder(folder, fixed(""));
  scan(root / "experiments/sweep/experiment.cpp", "");
  return keys;
}

}  // namespace

TEST_CASE("options: the list has every option that a source file reads", "[config]") {
  const std::map<std::string, OptionInfo> known = known_options();
  const std::set<std::string> keys = read_in_sources();
  REQUIRE(keys.size() > 100);
  std::string missing;
  for (const std::string& key : keys) {
    const bool found = std::any_of(known.begin(), known.end(), [&](const auto& option) {
      return key.front() == '.' ? option.first.ends_with(key) : option.first == key;
    });
    if (!found) missing += " " + key;
  }
  CHECK(missing == "");
}

TEST_CASE("options: the list has those of data sets that cannot be built without files",
          "[config]") {
  const std::map<std::string, OptionInfo> known = known_options();
  for (const char* key :
       {"data.path", "data.tokens", "data.model", "data.validation_fraction", "data.images",
        "data.classes", "data.symbols", "train.momentum", "train.beta1", "task.mask_rate"})
    CHECK(known.count(key) == 1);
  // Of the synthetic data, and of images.
  CHECK(known.at("data.domains").range == "1 .. 64 or label | none");
  for (const auto& [key, info] : known) {
    CHECK(info.key == key);
    CHECK(!info.help.empty());
  }
}

TEST_CASE("options: what other programs call them leads to ones that are there", "[config]") {
  const std::map<std::string, OptionInfo> known = known_options();
  std::set<std::string> words;
  for (const config::Synonym& synonym : config::synonyms()) {
    CAPTURE(synonym.word, synonym.setting);
    const std::string setting = synonym.setting, key = setting.substr(0, setting.find('='));
    CHECK(known.count(key) == 1);
    CHECK(words.insert(synonym.word).second);
    CHECK(config::meant_setting(synonym.word) == setting);
    if (const std::size_t equals = setting.find('='); equals != setting.npos) {
      const std::string& range = known.at(key).range;
      if (known.at(key).type == "choice")
        CHECK((" | " + range + " | ").find(" | " + setting.substr(equals + 1) + " | ") !=
              range.npos);
    }
  }
  CHECK(config::meant_setting("Batch-Size") == "train.batch");
  CHECK(config::meant_setting("router.name") == "");
}

TEST_CASE("options: every data set reads the same ones, whether it can be built or not",
          "[config]") {
  const std::string text = (fs::temp_directory_path() / "moesim-known-options.txt").string();
  std::ofstream(text) << std::string(1000, 'a') + std::string(1000, 'b') + "ab";
  const auto declared = [&](const std::map<std::string, std::string>& values) {
    Settings settings;
    for (const auto& [key, value] : values) settings.set("data." + key, value, "test");
    Options options(settings, "data");
    try {
      make_dataset(options);
    } catch (const Error&) {
    }
    std::set<std::string> keys;
    for (const auto& [key, info] : settings.declared()) keys.insert(key);
    return keys;
  };
  const auto built = declared({{"name", "text"}, {"path", text}});
  CHECK(built.size() == 17);
  CHECK(declared({{"name", "text"}}) == built);
  CHECK(declared({{"name", "text"}, {"path", ";"}}) == built);
  CHECK(declared({{"name", "text"}, {"path", text}, {"tokens", "sentencepiece"}}) == built);
  CHECK(declared({{"name", "idx"}}).size() == 11);
  CHECK(declared({{"name", "tokens"}}).size() == 11);
  CHECK(declared({{"name", "cifar"}}).size() == 9);
  fs::remove(text);
}

}  // namespace moesim::testing
