// Fuzzes config files with includes and a command line, up to the expanded runs. An input is split
// at lines "%%": the first part is the config file, the others are 1.ini, 2.ini, ...; a part that
// begins with "$" is the command line, one word per line.
#include "sim/config/parser.hpp"
#include "sim/config/reader.hpp"
#include "sim/config/sweep.hpp"
#include "tests/config/support.hpp"
#include "tests/fuzz/support.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace moesim::fuzz {
namespace {

constexpr std::size_t kMostRunsExpanded = 300;  // more would only be slow

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + separator.size());
  }
}

struct Input {
  std::vector<std::string> files, words;
};

Input input_of(std::string_view text) {
  Input input;
  for (std::string& part : split(text, "\n%%\n")) {
    if (part.starts_with("$")) {
      input.words = split(part, "\n");
      input.words.erase(input.words.begin());
    } else {
      input.files.push_back(std::move(part));
    }
  }
  if (input.files.empty()) input.files.emplace_back();
  return input;
}

ConfigFile read(const std::vector<std::string>& files) {
  if (files.size() == 1) return parse_config(files[0], "0.ini");
  static const testing::ConfigFolder folder;
  static std::size_t written = 0;
  for (std::size_t i = 0; i < files.size(); ++i) folder.write(std::to_string(i) + ".ini", files[i]);
  for (; written > files.size(); --written)
    std::filesystem::remove(folder.path(std::to_string(written - 1) + ".ini"));
  written = files.size();
  return read_config(folder.path("0.ini"));
}

std::string rendered(const ConfigFile::Axis& axis) {
  return axis.key + " = " + joined(axis.items) + "\n";
}

// A config file that says the same. Sections may stand any number of times.
std::string rendered(const ConfigFile& file) {
  std::string text;
  for (const auto& [key, setting] : file.values)
    text += "[" + config::section_of(key) + "]\n" + config::short_key(key) + " = " + setting.value +
            "\n";
  text += "[sweep]\n";
  for (const ConfigFile::Axis& axis : file.sweep) text += rendered(axis);
  for (const ConfigFile::Zip& zip : file.zips) {
    text += "[zip." + zip.name + "]\n";
    for (const ConfigFile::Axis& column : zip.columns) text += rendered(column);
  }
  for (const ConfigFile::Variant& variant : file.variants) {
    text += "[variant." + variant.name + "]\n";
    for (const auto& [key, setting] : variant.values) text += key + " = " + setting.value + "\n";
  }
  text += "[exclude]\n";
  for (const ConfigFile::Exclusion& exclusion : file.exclusions) {
    std::vector<std::string> terms;
    for (const auto& [key, value] : exclusion.terms) terms.push_back(key + ":" + value);
    text += "when = " + joined(terms, " & ") + "\n";
  }
  return text;
}

void check_round_trip(const ConfigFile& file) {
  const std::string text = rendered(file);
  ConfigFile again;
  // Exclusions of an include may name values that were replaced since; what one file says is whole.
  if (accepts(Exit::usage, [&] { again = parse_config(text, "again.ini"); }))
    expect(rendered(again) == text, "what was read can be written and read:\n" + text);
  else
    expect(!file.exclusions.empty(), "what was read can be written and read:\n" + text);
}

std::size_t run_count(const ConfigFile& file) {
  std::size_t count = std::max<std::size_t>(file.variants.size(), 1);
  const auto multiply = [&count](std::size_t by) {
    count = std::min(count, kMostRunsExpanded + 1) * by;
  };
  for (const ConfigFile::Zip& zip : file.zips) multiply(zip.columns.front().items.size());
  for (const ConfigFile::Axis& axis : file.sweep) multiply(axis.items.size());
  return count;
}

void check_run(const RunSpec& run) {
  expect(config::find_foreign_byte(run.label) == std::string::npos, "a label is one line of text");
  const std::string folder = run_folder_name(run, "0", "1a2b3c4d");
  expect(config::is_key(folder) && folder.size() <= 100 && !folder.starts_with('.'),
         "the name of a folder is safe: " + folder);
  for (const auto& [key, value] : run.varied)
    expect(run.settings.values().at(key).value == value, "what varies is what is set: " + key);
}

void run(std::string_view text) {
  const Input input = input_of(text);
  ConfigFile file;
  if (!accepts(Exit::usage, [&] { file = read(input.files); })) return;
  check_round_trip(file);
  if (run_count(file) > kMostRunsExpanded) return;
  std::vector<RunSpec> runs;
  if (!accepts(Exit::usage, [&] { runs = expand(file, input.words); })) return;
  expect(!runs.empty() && runs.size() <= 10000, "as many runs as allowed");
  for (const RunSpec& one : runs) check_run(one);
}

}  // namespace
}  // namespace moesim::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moesim::fuzz::run(moesim::fuzz::text_of(data, size));
  return 0;
}
