#include "sim/data/root.hpp"

#include "sim/config/text.hpp"

#include <algorithm>
#include <filesystem>

namespace moesim {
namespace {

constexpr const char* kKey = "data.root";
constexpr std::string_view kSection = "[data]\n";

// The offset of the lines of [data] in a resolved config, or npos.
std::size_t body_of_data(const std::string& config) {
  if (config.starts_with(kSection)) return kSection.size();
  const std::size_t at = config.find("\n" + std::string(kSection));
  return at == std::string::npos ? at : at + 1 + kSection.size();
}

}  // namespace

std::string data_root(Options& options) {
  return options.text("root", "",
                      "folder from which relative paths of the data start; empty: the current "
                      "directory. The run stores it as an absolute path; it is not part of the "
                      "run's identity");
}

std::string fix_root(Settings& settings) {
  if (settings.declared().count(kKey) == 0) return {};
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(
      settings.effective(kKey).empty() ? "." : settings.effective(kKey), error);
  std::string root = absolute.lexically_normal().string();
  if (root.size() > 1 && root.ends_with('/')) root.pop_back();
  if (error || !config::value_problem(root).empty()) return {};
  const auto set = settings.values().find(kKey);
  settings.set(kKey, root, set == settings.values().end() ? "where it began" : set->second.origin);
  return root;
}

std::string with_root(const std::string& config, const std::string& root) {
  const std::size_t at = root.empty() ? std::string::npos : body_of_data(config);
  if (at == std::string::npos) return config;
  return config.substr(0, at) + "root = " + root + "\n" + config.substr(at);
}

std::string without_root(const std::string& config) {
  std::size_t line = body_of_data(config);
  while (line < config.size() && config[line] != '[') {
    const std::size_t end = std::min(config.find('\n', line), config.size() - 1) + 1;
    if (config.compare(line, 6, "root =") == 0) return config.substr(0, line) + config.substr(end);
    line = end;
  }
  return config;
}

}  // namespace moesim
