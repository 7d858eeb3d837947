#include "sim/config/reader.hpp"

#include "sim/config/parser.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using config::Place;
using config::printable;

constexpr std::size_t kLargestFile = std::size_t{1} << 20;
constexpr std::size_t kMostFiles = 64;
constexpr std::size_t kDeepest = 16;

// `place` names in errors the line that includes the file.
std::string read_text(const fs::path& path, const std::string& place) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status))
    fail(Exit::usage, fmt::format("{}: cannot be read: {}; check the path", place,
                                  error ? error.message() : "no such file"));
  if (fs::is_directory(status))
    fail(Exit::usage, place + ": is a folder; give the config file in it");
  // Reading a pipe or a device could block or never end.
  if (!fs::is_regular_file(status))
    fail(Exit::usage, place + ": is not a regular file; copy it into one");
  std::ifstream file(path, std::ios::binary);
  if (!file)
    fail(Exit::usage, fmt::format("{}: cannot be read: {}; check its permissions", place,
                                  std::generic_category().message(errno)));

  std::string text(kLargestFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) fail(Exit::usage, place + ": cannot be read: input error; check the disk");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kLargestFile)
    fail(Exit::usage, place + ": larger than 1 MiB; this is no config file");
  return text;
}

fs::path folder_of(const fs::path& file) {
  return fs::weakly_canonical(file.has_parent_path() ? file.parent_path() : ".");
}

bool lies_in(const fs::path& folder, const fs::path& file) {
  const auto [rest, unused] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return rest == folder.end();
}

class Reader {
 public:
  Reader(const fs::path& top, const Includes& includes)
      : root_(folder_of(top)), includes_(includes) {}

  ConfigFile read(const fs::path& path, const std::string& place);

 private:
  ConfigFile include(const fs::path& from, const Place& place);
  ConfigFile include_study(const Place& place);
  ConfigFile include_file(const std::string& path, const Place& place);
  void check_folder(const fs::path& from, const fs::path& identity, const Place& place) const;
  void check(const fs::path& identity, const Place& place) const;

  fs::path root_;
  const Includes& includes_;
  std::vector<fs::path> open_;  // canonical paths of the files being read, outermost first
  std::size_t files_ = 0;
};

ConfigFile Reader::read(const fs::path& path, const std::string& place) {
  const std::string text = read_text(path, place);
  ++files_;
  open_.push_back(fs::canonical(path));
  ConfigFile file =
      parse_config(text, path.string(), [&](const Place& line) { return include(path, line); });
  open_.pop_back();
  return file;
}

// Resolves include = <name>.
ConfigFile Reader::include_study(const Place& place) {
  const std::string name = place.value.substr(1, place.value.size() - 2);
  const std::string path = find_study(name, includes_.folders);
  if (path.empty()) {
    const std::vector<std::string> names = study_names(includes_.folders);
    const std::string near = nearest(name, names);
    place.reject(names.empty()  ? "no studies are installed with this program; give a path"
                 : near.empty() ? "no study of this name; choose one of " + joined(names)
                                : fmt::format("no study of this name; did you mean <{}>?", near));
  }
  return include_file(path, place);
}

ConfigFile Reader::include_file(const std::string& path, const Place& place) {
  check(fs::weakly_canonical(path), place);
  return read(path, place.text());
}

ConfigFile Reader::include(const fs::path& from, const Place& place) {
  if (place.value.starts_with('<') && place.value.ends_with('>')) return include_study(place);
  const fs::path path = (from.parent_path() / place.value).lexically_normal();
  std::error_code error;
  // A study in a folder, as presets/mixtral.ini, is included from anywhere.
  if (!fs::exists(path, error) && place.value.find('/') != std::string::npos) {
    if (const std::string study = find_study(place.value, includes_.folders); !study.empty())
      return include_file(study, place);
    const std::string near =
        nearest(fs::path(place.value).replace_extension().string(), study_names(includes_.folders));
    if (near.find('/') != near.npos && place.value.starts_with(near.substr(0, near.find('/'))))
      place.reject(fmt::format("no such file or study; did you mean {}.ini?", near));
  }
  const fs::path identity = fs::weakly_canonical(fs::absolute(path), error);
  if (error) place.reject(fmt::format("cannot be read: {}; check the path", error.message()));
  check_folder(from, identity, place);
  check(identity, place);
  return read(path, place.text());
}

// A file that the user names may include any other. The included files may come from somebody else,
// so they can include only files in their own folder.
void Reader::check_folder(const fs::path& from, const fs::path& identity,
                          const Place& place) const {
  if ((includes_.anywhere && open_.size() == 1) || lies_in(root_, identity) ||
      lies_in(folder_of(from), identity))
    return;
  place.reject("outside the folder of the config file; copy the file into that folder" +
               std::string(includes_.anywhere ? ", or include it from the first file" : ""));
}

void Reader::check(const fs::path& identity, const Place& place) const {
  const auto first = std::find(open_.begin(), open_.end(), identity);
  if (first != open_.end()) {
    std::string cycle;
    for (auto file = first; file != open_.end(); ++file)
      cycle += printable(file->filename().string()) + " -> ";
    place.reject(fmt::format("includes itself ({}{}); remove one of the includes", cycle,
                             printable(identity.filename().string())));
  }
  if (open_.size() == kDeepest)
    place.reject(fmt::format("includes are nested deeper than {}; flatten them", kDeepest));
  if (files_ == kMostFiles)
    place.reject(fmt::format("more than {} files are included; merge some", kMostFiles));
}

}  // namespace

ConfigFile read_config(const std::string& path, const Includes& includes) {
  const std::string place = path.empty() ? "''" : printable(path, 512);
  try {
    return Reader(path, includes).read(path, place);
  } catch (const fs::filesystem_error& error) {
    fail(Exit::usage,
         fmt::format("{}: cannot be read: {}; check the path", place, error.code().message()));
  }
}

namespace {

// NAME or FOLDER/NAME.
bool is_study_name(const std::string& name) {
  const std::size_t slash = name.find('/');
  if (slash == name.npos) return config::is_name(name);
  const std::string folder = name.substr(0, slash), rest = name.substr(slash + 1);
  return config::is_name(folder) && !folder.starts_with('.') && config::is_name(rest);
}

}  // namespace

std::string find_study(const std::string& name, const std::vector<std::string>& folders) {
  if (!is_study_name(name)) return {};
  for (const std::string& folder : folders)
    for (const char* ending : {"", ".ini"}) {
      std::string path = fmt::format("{}/{}{}", folder, name, ending);
      if (std::error_code error; path.ends_with(".ini") && fs::is_regular_file(path, error))
        return path;
    }
  return {};
}

std::vector<std::string> study_names(const std::vector<std::string>& folders) {
  std::vector<std::string> names;
  const auto add = [&](const fs::path& folder, const std::string& prefix) {
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
      if (at->path().extension() == ".ini") names.push_back(prefix + at->path().stem().string());
  };
  for (const std::string& folder : folders) {
    add(folder, "");
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
      if (std::error_code unknown; at->is_directory(unknown))
        add(at->path(), at->path().filename().string() + "/");
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace moesim
