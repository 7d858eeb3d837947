#include "experiments/sweep/studies.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <filesystem>

namespace moesim {
namespace {

namespace fs = std::filesystem;

// Relative to the program's location, so that an installation can be moved. CMake puts a link to
// the studies of the sources into the build folder.
std::vector<std::string> study_folders() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  std::vector<std::string> folders;
  if (error) return folders;
  for (const char* way : {"share/moesim/experiments", "../share/moesim/experiments"}) {
    const fs::path folder = (program.parent_path() / way).lexically_normal();
    if (fs::is_directory(folder, error)) folders.push_back(folder.string());
  }
  return folders;
}

bool is_bracketed(const std::string& word) {
  return word.size() > 2 && word.starts_with('<') && word.ends_with('>');
}

}  // namespace

std::string config_path(const std::string& word) {
  std::error_code error;
  const bool bracketed = is_bracketed(word);
  const std::string name = bracketed ? word.substr(1, word.size() - 2) : word;
  if (!bracketed && fs::exists(word, error)) return word;
  const std::vector<std::string> folders = study_folders();
  std::string path = find_study(name, folders);
  if (!path.empty()) return path;
  if (bracketed || config::is_name(word) || word.starts_with("presets/")) {
    const std::vector<std::string> names = study_names(folders);
    const std::string near = nearest(name, names);
    if (bracketed || !near.empty())
      fail(Exit::usage, config::printable(word) + ": no such " +
                            (bracketed ? "study" : "file or study") + "; " +
                            (names.empty()  ? "none are installed with this program; give a path"
                             : near.empty() ? "choose one of " + joined(names)
                                            : "did you mean " + near + "?"));
  }
  return word;
}

ConfigFile read_user_config(const std::string& word) {
  return read_config(config_path(word), {.anywhere = true, .folders = study_folders()});
}

}  // namespace moesim
