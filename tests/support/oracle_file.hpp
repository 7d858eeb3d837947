// Reads a small HDF5 file whole: arrays by path, attributes of the root.
#pragma once

#include "tests/support/oracle.hpp"

#include <string>

namespace moesim::testing {

struct OracleFile {
  std::map<std::string, StoredArray> arrays;
  std::map<std::string, double> numbers;     // numeric attributes of the root
  std::map<std::string, std::string> texts;  // its other attributes
};

OracleFile read_oracle(const std::filesystem::path& path);

}  // namespace moesim::testing
