// Reads untrusted HDF5 files: checks the declarations of a file before using them. (External
// storage, for example, would make a reader return the bytes of any local file.) Every function
// throws std::runtime_error with the reason.
#pragma once

#include "sim/record/hdf5.hpp"
#include "sim/record/limits.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim::hdf5 {

// Opens a file for reading, without HDF5 plug-ins and without file locking (no program writes run
// files in place).
Handle open_foreign(const std::string& path);

// Link is a link of the root group: its name and the address of its object.
struct Link {
  std::string name;
  haddr_t address;
};

// The links of the root group, in order of creation if the file tracks it. Throws for soft and
// external links.
std::vector<Link> links_of(hid_t root);

// Checks storage, filters and size of a dataset and returns its shape. Charges `budget` for the
// whole dataset, or for one row if only a part will be read.
enum class Extent { whole, part };
std::vector<std::int64_t> checked_shape(hid_t dataset, Budget& budget, Extent extent);

// Rows per chunk; 0 for a dataset without chunks.
std::int64_t chunk_rows(hid_t dataset);

// Reads `rows` rows from `first` on, converted to `type`.
void read_rows(hid_t dataset, const std::vector<std::int64_t>& shape, std::int64_t first,
               std::int64_t rows, hid_t type, void* into);

// Reads the strings of a text dataset, of variable or fixed length.
std::vector<std::string> read_texts(hid_t dataset, std::uint64_t count, Budget& budget);
// Reads a text attribute with one value.
std::string read_text(hid_t attribute, Budget& budget);

}  // namespace moesim::hdf5
