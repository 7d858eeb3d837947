// Writes run files that no version of moesim writes, and reads what the reader answers.
#pragma once

#include "sim/core/error.hpp"
#include "sim/record/hdf5.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

namespace moesim::testing {

// "" if the file was read, else the reason.
inline std::string refusal_of(const std::string& path) {
  try {
    read_run_file(path);
  } catch (const Error& error) {
    const std::string message = error.what();
    REQUIRE(error.code() == Exit::data);
    const std::string beginning = path + ": not a readable run file: ";
    REQUIRE(message.starts_with(beginning));
    REQUIRE(message.find('\n') == std::string::npos);
    return message.substr(beginning.size());
  }
  return "";
}

inline hdf5::Handle new_file(const std::string& path) {
  return {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose, "create"};
}

// A file with one dataset "x", whatever its properties and type say.
inline void write_dataset(const std::string& path, const std::vector<hsize_t>& shape,
                          hid_t properties = H5P_DEFAULT, hid_t type = H5T_NATIVE_DOUBLE) {
  const hdf5::Handle file = new_file(path);
  const hdf5::Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                           H5Sclose, "space");
  const hdf5::Handle dataset(
      H5Dcreate2(file, "x", type, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose,
      "dataset");
}

}  // namespace moesim::testing
