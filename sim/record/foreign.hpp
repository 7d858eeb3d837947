// HDF5 files that may come from anywhere: what a file declares is checked before it is read.
// External storage, for one, makes a reader return the bytes of any local file. Every function
// throws std::runtime_error with the reason.
#pragma once

#include "sim/record/hdf5.hpp"
#include "sim/record/limits.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim::hdf5 {

// Opens a file for reading. Plug-ins are not loaded, and files are not locked: nobody writes in
// place.
Handle open_foreign(const std::string& path);

// Names of the root group's links, in order of creation if that is tracked. Links that lead
// elsewhere are refused.
std::vector<std::string> link_names(hid_t root);

// Letters, digits, '_', '.', '-': what may be printed on a terminal.
void check_printable_name(const std::string& name);

// Checks storage, filters and size of a dataset.
std::vector<std::int64_t> checked_shape(hid_t dataset, Budget& budget);

// Reads the strings of a variable-length text dataset.
std::vector<std::string> read_texts(hid_t dataset, std::uint64_t count, Budget& budget);

}  // namespace moesim::hdf5
