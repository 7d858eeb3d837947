// Shared by the tests of sim/config: a temporary folder, and the message of an error.
#pragma once

#include "sim/core/error.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace moesim::testing {

// A folder that lives as long as this object.
class ConfigFolder {
 public:
  ConfigFolder() {
    static std::atomic<int> next = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("moesim_config_" + std::to_string(::getpid()) + "_" + std::to_string(next++));
    std::filesystem::create_directories(path_);
  }
  ~ConfigFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ConfigFolder(const ConfigFolder&) = delete;
  ConfigFolder& operator=(const ConfigFolder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }
  // `message` without the name of this folder, which no golden can know.
  std::string relative(std::string message) const {
    const std::string prefix = path_.string() + "/";
    for (std::size_t at; (at = message.find(prefix)) != std::string::npos;)
      message.erase(at, prefix.size());
    return message;
  }

 private:
  std::filesystem::path path_;
};

// The message of the usage error that `body` throws; what happened instead, if it does not.
template <class Body>
std::string usage_error(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    const std::string message = error.what();
    if (error.code() != Exit::usage) return "not a usage error: " + message;
    if (message.find_first_of("\n\r\t") != std::string::npos) return "not one line: " + message;
    return message;
  }
  return "no error";
}

}  // namespace moesim::testing
