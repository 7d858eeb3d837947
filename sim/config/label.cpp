// Builds the label of a run (for people) and the name of its folder.
#include "sim/config/source_runs.hpp"
#include "sim/config/sweep.hpp"
#include "sim/config/text.hpp"

#include <map>
#include <string>

namespace moesim {
namespace {

constexpr std::size_t kLongestSlug = 80;

// The short name of a key: "moe.experts" -> "experts"; a key "name" takes its section's:
// "expert.name" -> "expert".
std::string short_name(const std::string& key) {
  const std::string name = config::short_key(key);
  return name == "name" ? config::short_key(config::section_of(key)) : name;
}

// `text` as part of a folder name: each sequence of other bytes becomes one '-', none in front.
std::string slug(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool fits = config::is_key({&c, 1});
    const char put = fits ? c : c == ' ' ? '_' : '-';
    if (result.empty() ? put == '-' || put == '.' : put == '-' && result.back() == '-') continue;
    result += put;
  }
  return result.substr(0, kLongestSlug);
}

// True for an option of a router or an expert that this run does not use ("router.soft.slots").
bool is_of_another_plugin(const RunSpec& run, const std::string& key) {
  const std::string section = config::section_of(key);
  for (const std::string kind : {"router", "expert"}) {
    const auto name = run.settings.values().find(kind + ".name");
    if (section.starts_with(kind + ".") && name != run.settings.values().end() &&
        section != kind + "." + name->second.value)
      return true;
  }
  return false;
}

}  // namespace

std::string run_label(const RunSpec& run, RunPaths paths) {
  std::string label = run.variant;
  const auto add = [&label](const std::string& part) {
    if (!label.empty()) label += ' ';
    label += part;
  };
  std::map<std::string, int> uses;  // how often a short name occurs
  for (const auto& [key, value] : run.varied) ++uses[short_name(key)];
  for (const auto& [key, value] : run.varied) {
    if (is_of_another_plugin(run, key)) continue;
    const std::string name = short_name(key);
    const std::string shown =
        paths == RunPaths::cut && names_run(key) && !value.empty() ? short_path(value) : value;
    add(key == "router.name" ? value : (uses[name] > 1 ? key : name) + "=" + shown);
  }
  if (!label.empty()) return label;
  const auto router = run.settings.values().find("router.name");
  return router == run.settings.values().end() ? "run" : router->second.value;
}

std::string run_folder_name(const RunSpec& run, const std::string& seed, const std::string& hash8) {
  const std::string name = slug(run.label);
  return (name.empty() ? "run" : name) + "-s" + slug(seed) + "-" + slug(hash8);
}

}  // namespace moesim
