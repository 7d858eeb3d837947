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

// `place` says in errors who asked for the file.
std::string read_text(const fs::path& path, const std::string& place) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status))
    fail(Exit::usage, fmt::format("{}: cannot be read: {}; check the path", place,
                                  error ? error.message() : "no such file"));
  if (fs::is_directory(status))
    fail(Exit::usage, place + ": is a folder; give the config file in it");
  // A pipe or a device could block, or never end.
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

class Reader {
 public:
  explicit Reader(const fs::path& top)
      : root_(fs::weakly_canonical(top.has_parent_path() ? top.parent_path() : ".")) {}

  ConfigFile read(const fs::path& path, const std::string& place);

 private:
  ConfigFile include(const fs::path& from, const Place& place);
  void check(const fs::path& identity, const Place& place) const;

  fs::path root_;
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

ConfigFile Reader::include(const fs::path& from, const Place& place) {
  const fs::path path = (from.parent_path() / place.value).lexically_normal();
  std::error_code error;
  const fs::path identity = fs::weakly_canonical(fs::absolute(path), error);
  if (error) place.reject(fmt::format("cannot be read: {}; check the path", error.message()));
  check(identity, place);
  return read(path, place.text());
}

void Reader::check(const fs::path& identity, const Place& place) const {
  const auto [rest, unused] =
      std::mismatch(root_.begin(), root_.end(), identity.begin(), identity.end());
  if (rest != root_.end())
    place.reject("outside the folder of the config file; copy the file into that folder");
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

ConfigFile read_config(const std::string& path) {
  const std::string place = path.empty() ? "''" : printable(path, 512);
  try {
    return Reader(path).read(path, place);
  } catch (const fs::filesystem_error& error) {
    fail(Exit::usage,
         fmt::format("{}: cannot be read: {}; check the path", place, error.code().message()));
  }
}

}  // namespace moesim
