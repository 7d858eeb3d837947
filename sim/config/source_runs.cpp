#include "sim/config/source_runs.hpp"

#include "sim/config/text.hpp"

#include <algorithm>
#include <filesystem>
#include <glob.h>
#include <map>
#include <string_view>

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKeys[] = {"init.from", "distil.teacher"};

// Absolute and without a slash at the end; "" if there is no such path.
std::string absolute_path(const std::string& path) {
  std::error_code error;
  std::string absolute = fs::absolute(path, error).lexically_normal().string();
  if (absolute.size() > 1 && absolute.ends_with('/')) absolute.pop_back();
  return error ? "" : absolute;
}

// The paths of other runs on the axes of a sweep.
std::string paths_of(const RunSpec& run) {
  std::string paths;
  for (const auto& [key, value] : run.varied)
    if (names_run(key)) paths += absolute_path(value) + '\n';
  return paths;
}

}  // namespace

bool names_run(const std::string& key) {
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

void fix_source_runs(Settings& settings) {
  for (const char* key : kKeys) {
    if (!settings.has(key)) continue;
    Setting setting = settings.values().at(key);
    const std::string absolute = setting.value.empty() ? "" : absolute_path(setting.value);
    if (absolute.empty() || !config::value_problem(absolute).empty()) continue;
    setting.value = absolute;
    settings.set(key, std::move(setting));
  }
}

std::string source_of_seed(const std::string& path, std::uint64_t seed) {
  constexpr std::string_view kSeed = "{seed}";
  std::string named = path;
  for (std::size_t at = 0; (at = named.find(kSeed, at)) != std::string::npos;)
    named.replace(at, kSeed.size(), std::to_string(seed));
  if (named.find('*') == std::string::npos) return named;
  glob_t found{};
  const bool one = ::glob(named.c_str(), GLOB_ONLYDIR, nullptr, &found) == 0 && found.gl_pathc == 1;
  if (one) named = found.gl_pathv[0];
  ::globfree(&found);
  return named;
}

std::string short_path(const std::string& path) {
  const fs::path whole = absolute_path(path);
  const fs::path parent = whole.parent_path().filename();
  return (parent.empty() ? whole.filename() : parent / whole.filename()).string();
}

void label_runs(std::vector<RunSpec>& runs) {
  std::map<std::string, std::string> paths;  // by label
  bool distinct = true;
  for (RunSpec& run : runs) {
    run.label = run_label(run);
    const auto [at, is_new] = paths.emplace(run.label, paths_of(run));
    distinct &= is_new || at->second == paths_of(run);
  }
  if (distinct) return;
  for (RunSpec& run : runs) run.label = run_label(run, RunPaths::whole);
}

}  // namespace moesim
