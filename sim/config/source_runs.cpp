#include "sim/config/source_runs.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

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

bool is_pattern(const std::string& path) { return path.find('*') != std::string::npos; }

// The folders that a pattern matches, in order. Only * is special.
std::vector<std::string> folders_matching(const std::string& pattern) {
  std::string escaped;
  for (const char c : pattern) {
    if (c == '[' || c == ']' || c == '?' || c == '\\') escaped += '\\';
    escaped += c;
  }
  glob_t found{};
  std::vector<std::string> folders;
  std::error_code error;
  if (::glob(escaped.c_str(), 0, nullptr, &found) == 0)
    for (std::size_t i = 0; i < found.gl_pathc; ++i)
      if (fs::is_directory(found.gl_pathv[i], error)) folders.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  return folders;
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
  if (!is_pattern(named)) return named;
  const std::vector<std::string> found = folders_matching(named);
  return found.size() == 1 ? found.front() : named;
}

void require_one_folder(const std::string& option, const std::string& path) {
  std::error_code error;
  if (!is_pattern(path) || fs::exists(path, error)) return;
  const std::vector<std::string> found = folders_matching(path);
  if (found.empty()) fail(Exit::data, option + path + ": matches no folder");
  if (found.size() > 1)
    fail(Exit::data, fmt::format("{}{}: matches {} folders, the first {} and {}; name one", option,
                                 path, found.size(), short_path(found[0]), short_path(found[1])));
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
