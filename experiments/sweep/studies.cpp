#include "experiments/sweep/studies.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

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

std::string stem_of(const std::string& name) { return fs::path(name).stem().string(); }

// The study that a word may mean, whatever folder the word names; "" if there is none.
std::string study_near(const std::string& word, const std::vector<std::string>& names) {
  constexpr std::size_t kShortest = 5;  // two letters of a shorter name may be any other name
  if (word.find('/') == word.npos) return nearest(word, names);
  std::vector<std::string> stems, same;
  for (const std::string& name : names) stems.push_back(stem_of(name));
  const std::string stem = stem_of(word), near = nearest(stem, stems);
  if (near.empty() || (stem.size() < kShortest && near != stem)) return "";
  for (const std::string& name : names)
    if (stem_of(name) == near) same.push_back(name);
  const std::string nearest_folder = nearest(word, same);
  return nearest_folder.empty() ? same.front() : nearest_folder;
}

// Refuses CONFIG:ARM.
void refuse_arm(const std::string& word, const std::vector<std::string>& folders) {
  const std::size_t colon = word.rfind(':');
  if (colon == word.npos || colon == 0) return;
  const std::string config = word.substr(0, colon), arm = word.substr(colon + 1);
  std::error_code error;
  if (fs::exists(config, error) || !find_study(config, folders).empty())
    fail(Exit::usage,
         fmt::format("{}: no such file or study; choose an arm with --arm: {} --arm {}",
                     config::printable(word), config::printable(config),
                     arm.empty() ? "ARM" : config::printable(arm)));
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
  refuse_arm(word, folders);
  const std::vector<std::string> names = study_names(folders);
  const std::string near = study_near(name, names);
  if (bracketed || !near.empty())
    fail(Exit::usage, config::printable(word) + ": no such " +
                          (bracketed ? "study" : "file or study") + "; " +
                          (names.empty()  ? "none are installed with this program; give a path"
                           : near.empty() ? "choose one of " + joined(names)
                                          : "did you mean " + near + "?"));
  return word;
}

ConfigFile read_user_config(const std::string& word) {
  return read_config(config_path(word), {.anywhere = true, .folders = study_folders()});
}

}  // namespace moesim
