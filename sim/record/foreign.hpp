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

// A link of the root group: its name, and where its object is.
struct Link {
  std::string name;
  haddr_t address;
};

// In order of creation if that is tracked. Links that lead elsewhere are refused.
std::vector<Link> links_of(hid_t root);

// Checks storage, filters and size of a dataset. `budget` pays for all of it, or, for a part, for
// a row.
enum class Extent { whole, part };
std::vector<std::int64_t> checked_shape(hid_t dataset, Budget& budget, Extent extent);

// Rows of a chunk; 0 if there are none.
std::int64_t chunk_rows(hid_t dataset);

// Reads so many rows from `first` on, as they are in memory as `type`.
void read_rows(hid_t dataset, const std::vector<std::int64_t>& shape, std::int64_t first,
               std::int64_t rows, hid_t type, void* into);

// Reads the strings of a text dataset, of variable or of fixed length.
std::vector<std::string> read_texts(hid_t dataset, std::uint64_t count, Budget& budget);
// The text of an attribute with one value.
std::string read_text(hid_t attribute, Budget& budget);

}  // namespace moesim::hdf5
