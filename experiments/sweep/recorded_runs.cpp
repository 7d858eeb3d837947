#include "experiments/sweep/recorded_runs.hpp"

#include "sim/config/resolved.hpp"
#include "sim/core/error.hpp"
#include "sim/io/file.hpp"

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace moesim {

namespace fs = std::filesystem;

std::string hash_of_folder(const std::string& name) {
  constexpr std::size_t kHashDigits = 8;
  if (name.size() <= kHashDigits) return {};
  const std::string_view end = std::string_view(name).substr(name.size() - kHashDigits);
  if (name[name.size() - kHashDigits - 1] != '-' ||
      end.find_first_not_of("0123456789abcdef") != end.npos)
    return {};
  return std::string(end);
}

std::vector<std::string> folders_of(const std::string& experiment) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(experiment, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored)) names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::map<std::string, std::string> recorded_values(const std::string& folder) {
  constexpr std::uint64_t kMostConfigBytes = std::uint64_t{4} << 20;
  try {
    return config::resolved_values(read_file(folder + "/config.ini", kMostConfigBytes));
  } catch (const Error&) {
    return {};
  }
}

}  // namespace moesim
