#include "sim/record/mistaken.hpp"

#include "sim/config/text.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace moesim {
namespace {

constexpr std::streamsize kLooked = 16384;  // bytes to read: comments may precede the first section

std::string beginning_of(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return "";  // opening a pipe may block
  std::ifstream file(path, std::ios::binary);
  std::string bytes(static_cast<std::size_t>(kLooked), '\0');
  file.read(bytes.data(), kLooked);
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

bool is_text(const std::string& bytes) {
  return !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= ' ' && byte != 0x7f) || (byte >= '\t' && byte <= '\r') || byte == 0x1b;
  });
}

// True for "[run]", with or without a comment after it. JSON lists have digits, quotes or commas.
bool is_section(std::string_view line) {
  line = config::trimmed(line);
  if (line.empty() || line[0] != '[') return false;
  const std::size_t end = line.find(']');
  if (end == std::string_view::npos || end == 1) return false;
  if (line[1] >= '0' && line[1] <= '9') return false;
  const std::string_view name = line.substr(1, end - 1),
                         rest = config::trimmed(line.substr(end + 1));
  return name.find_first_of("\",{}[") == std::string_view::npos &&
         (rest.empty() || rest[0] == '#' || rest[0] == ';');
}

bool is_config(const std::string& text) {
  std::istringstream lines(text);
  bool section = false, setting = false;
  for (std::string line; std::getline(lines, line);) {
    section |= is_section(line);
    setting |= line.find('=') != std::string::npos;
  }
  return section && setting;
}

}  // namespace

std::string mistaken_file(const std::string& path) {
  const std::string beginning = beginning_of(path);
  if (!is_text(beginning)) return "";
  if (is_config(beginning))
    return "it is a config file; train its runs by moesim run, then name their folder: "
           "runs/NAME, or what --out said";
  return "it is a text file; name a run.h5, or the folder of a run or of an experiment";
}

}  // namespace moesim
