// Makes token ids and data sets of them for tests of token files.
#pragma once

#include "tests/data/binary.hpp"
#include "tests/data/support.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace moesim::testing {

// Returns 0, 7, 14, ... modulo 101: a window shows where it came from.
inline std::vector<std::int64_t> ids(std::int64_t count, std::int64_t first = 0) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = first; i < first + count; ++i) all.push_back(7 * i % 101);
  return all;
}

inline std::unique_ptr<Dataset> tokens(std::map<std::string, std::string> values) {
  values.insert({{"name", "tokens"}, {"length", "8"}, {"validation_fraction", "0.2"}});
  return make_data(values);
}

// Returns what is behind "PATH: " in the refusal of a file.
inline std::string refused(std::map<std::string, std::string> values, const std::string& path) {
  values.insert({{"name", "tokens"}, {"length", "8"}, {"path", path}});
  const Failure failure = failure_of(values);
  CHECK(failure.code == Exit::data);
  CHECK(failure.message.find('\n') == std::string::npos);
  CHECK_THAT(failure.message, contains("test: data.path = "));
  const std::size_t at = failure.message.rfind(path + ": ");
  return at == std::string::npos ? failure.message : failure.message.substr(at + path.size() + 2);
}

}  // namespace moesim::testing
