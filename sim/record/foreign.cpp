#include "sim/record/foreign.hpp"

#include <algorithm>
#include <cctype>
#include <memory>

namespace moesim::hdf5 {
namespace {

void check_storage(hid_t properties) {
  const H5D_layout_t layout = check(H5Pget_layout(properties), "no storage layout");
  if (layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED)
    throw Failure("a variable is stored in other files (virtual storage)");
  if (check(H5Pget_external_count(properties), "no storage layout") > 0)
    throw Failure("a variable is stored in other files (external storage)");
}

void check_filters(hid_t properties) {
  const int filters = check(H5Pget_nfilters(properties), "no filters");
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, config = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter = check(H5Pget_filter2(properties, static_cast<unsigned>(i), &flags,
                                                     &values, nullptr, 0, nullptr, &config),
                                      "no filter");
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
        filter != H5Z_FILTER_FLETCHER32)
      throw Failure("a variable uses filter " + std::to_string(filter) +
                    "; only deflate, shuffle and fletcher32 are read");
  }
}

// Limits chunks: reading needs memory for one whole chunk and for an index entry of every chunk.
void check_chunks(hid_t properties, const std::vector<hsize_t>& shape, std::uint64_t bytes_each,
                  const Budget& budget) {
  if (H5Pget_layout(properties) != H5D_CHUNKED) return;
  std::vector<hsize_t> chunk(shape.size(), 0);
  check(H5Pget_chunk(properties, static_cast<int>(chunk.size()), chunk.data()), "no chunks");
  if (bytes_of(chunk, bytes_each, budget) > kMaxChunkBytes)
    throw Failure("a variable has chunks that are too large");
  hsize_t chunks = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (chunk[i] == 0) throw Failure("a variable has empty chunks");
    const hsize_t along = shape[i] / chunk[i] + (shape[i] % chunk[i] != 0);
    if (along > kMaxChunks || chunks * along > kMaxChunks)
      throw Failure("a variable has too many chunks");
    chunks *= along;
  }
}

// Allocator for the strings of one read; HDF5 calls it before it copies a string.
struct Arena {
  Budget& budget;
  std::vector<std::unique_ptr<char[]>> blocks;
};

extern "C" void* allocate_text(std::size_t size, void* info) {
  Arena& arena = *static_cast<Arena*>(info);
  if (!arena.budget.affords(size)) return nullptr;
  try {
    arena.budget.charge(size);
    return arena.blocks.emplace_back(std::make_unique<char[]>(size)).get();
  } catch (const std::exception&) {  // must not pass through C
    return nullptr;
  }
}

extern "C" void keep_text(void*, void*) {}

// Names consist of letters, digits, '_', '.' and '-', so that they are safe on a terminal.
void check_printable_name(const std::string& name) {
  const auto printable = [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) || c == '_' || c == '.' || c == '-');
  };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), printable))
    throw Failure("a name in it has other characters than letters, digits, '_', '.', '-'");
}

struct Found {
  std::vector<Link> links;
  std::string problem;
};

extern "C" herr_t take_link(hid_t, const char* name, const H5L_info_t* link, void* into) {
  Found& found = *static_cast<Found*>(into);
  try {
    if (link->type != H5L_TYPE_HARD) found.problem = "has soft or external links";
    found.links.push_back({std::string(name).substr(0, 256), link->u.address});
    return found.problem.empty() ? 0 : 1;
  } catch (const std::exception&) {  // must not pass through C
    return -1;
  }
}

// Removes the padding of a fixed-length text: spaces or NULs after the text.
std::string trimmed(std::string text, H5T_str_t padding) {
  if (padding == H5T_STR_NULLTERM) return text.substr(0, text.find('\0'));
  const auto last = text.find_last_not_of(padding == H5T_STR_SPACEPAD ? ' ' : '\0');
  text.resize(last == std::string::npos ? 0 : last + 1);
  return text.substr(0, text.find('\0'));
}

// The memory type of a text: the file's own, because HDF5 does not convert ASCII to UTF-8.
Handle memory_text(hid_t type) { return {H5Tcopy(type), H5Tclose, "cannot make a text type"}; }

}  // namespace

Handle open_foreign(const std::string& path) {
  check(H5PLset_loading_state(0), "cannot turn off plug-ins");
  const Handle access = property_list(H5P_FILE_ACCESS);
  check(H5Pset_fapl_sec2(access), "cannot choose the file driver");
#if H5_VERSION_GE(1, 10, 7)
  check(H5Pset_file_locking(access, false, true), "cannot turn off locking");
#endif
  return {H5Fopen(path.c_str(), H5F_ACC_RDONLY, access), H5Fclose, "not an HDF5 file"};
}

std::vector<Link> links_of(hid_t root) {
  const Handle create(H5Gget_create_plist(root), H5Pclose, "no root group");
  unsigned order = 0;
  check(H5Pget_link_creation_order(create, &order), "no root group");
  const H5_index_t index = (order & H5P_CRT_ORDER_TRACKED) ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;

  H5G_info_t group;
  check(H5Gget_info(root, &group), "no root group");
  if (group.nlinks > kMaxObjects) throw Failure("holds too many objects");
  Found found;
  hsize_t from = 0;
  check(H5Literate(root, index, H5_ITER_INC, &from, take_link, &found), "a bad link");
  if (!found.problem.empty()) throw Failure(found.problem);
  for (const Link& link : found.links) check_printable_name(link.name);
  return std::move(found.links);
}

std::vector<std::int64_t> checked_shape(hid_t dataset, Budget& budget, Extent extent) {
  const Handle properties(H5Dget_create_plist(dataset), H5Pclose, "no properties");
  check_storage(properties);
  check_filters(properties);

  const Handle type(H5Dget_type(dataset), H5Tclose, "no type");
  const std::size_t bytes_each = H5Tget_size(type);
  if (bytes_each == 0) throw Failure("a variable's elements have no size");

  const Handle space(H5Dget_space(dataset), H5Sclose, "no dataspace");
  if (check(H5Sget_simple_extent_type(space), "no dataspace") == H5S_NULL)
    throw Failure("a variable has no values");
  const int rank = check(H5Sget_simple_extent_ndims(space), "no rank");
  if (rank > kMaxRank) throw Failure("a variable has too many dimensions");
  std::vector<hsize_t> shape(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space, shape.data(), nullptr), "no shape");

  if (extent == Extent::whole) {
    const std::uint64_t bytes = bytes_of(shape, bytes_each, budget);
    check_chunks(properties, shape, bytes_each, budget);
    if (bytes > inflated_bytes(H5Dget_storage_size(dataset)))
      throw Failure("declares more data than it holds");
    budget.charge(bytes);
  } else {
    check_chunks(properties, shape, bytes_each, Budget(kMaxChunkBytes));
    std::vector<hsize_t> row = shape;
    if (!row.empty()) row[0] = 1;
    bytes_of(row, bytes_each, budget);
  }
  for (const hsize_t size : shape)
    if (size > INT64_MAX) throw Failure("declares more data than its size can hold");
  return {shape.begin(), shape.end()};
}

std::int64_t chunk_rows(hid_t dataset) {
  const Handle properties(H5Dget_create_plist(dataset), H5Pclose, "no properties");
  if (H5Pget_layout(properties) != H5D_CHUNKED) return 0;
  hsize_t chunk[kMaxRank] = {};
  check(H5Pget_chunk(properties, kMaxRank, chunk), "no chunks");
  return static_cast<std::int64_t>(chunk[0]);
}

void read_rows(hid_t dataset, const std::vector<std::int64_t>& shape, std::int64_t first,
               std::int64_t rows, hid_t type, void* into) {
  if (shape.empty()) {
    check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, into), "cannot read values");
    return;
  }
  std::vector<hsize_t> from(shape.size(), 0), count(shape.begin(), shape.end());
  from[0] = static_cast<hsize_t>(first);
  count[0] = static_cast<hsize_t>(rows);
  const Handle file(H5Dget_space(dataset), H5Sclose, "no dataspace");
  check(H5Sselect_hyperslab(file, H5S_SELECT_SET, from.data(), nullptr, count.data(), nullptr),
        "cannot choose rows");
  const Handle memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr),
                      H5Sclose, "cannot choose rows");
  check(H5Dread(dataset, type, memory, file, H5P_DEFAULT, into), "cannot read values");
}

std::string read_text(hid_t attribute, Budget& budget) {
  const Handle type(H5Aget_type(attribute), H5Tclose, "a bad attribute");
  if (check(H5Tis_variable_str(type), "a bad attribute") != 0) {
    char* characters = nullptr;
    check(H5Aread(attribute, memory_text(type), &characters), "a bad attribute");
    std::string text = characters == nullptr ? "" : characters;
    H5free_memory(characters);
    budget.charge(text.size());
    return text;
  }
  const std::size_t size = H5Tget_size(type);
  budget.charge(size);
  std::string text(size, '\0');
  check(H5Aread(attribute, memory_text(type), text.data()), "a bad attribute");
  return trimmed(std::move(text), H5Tget_strpad(type));
}

std::vector<std::string> read_texts(hid_t dataset, std::uint64_t count, Budget& budget) {
  if (count == 0) return {};
  const Handle type(H5Dget_type(dataset), H5Tclose, "no type");
  std::vector<std::string> texts;
  if (check(H5Tis_variable_str(type), "no type") == 0) {
    const std::size_t size = H5Tget_size(type);
    budget.charge(bytes_of<std::uint64_t>({count}, size, budget));
    std::string all(count * size, '\0');
    check(H5Dread(dataset, memory_text(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()),
          "cannot read texts");
    for (std::size_t i = 0; i < count; ++i)
      texts.push_back(trimmed(all.substr(i * size, size), H5Tget_strpad(type)));
    return texts;
  }
  Arena arena{budget, {}};
  const Handle transfer = property_list(H5P_DATASET_XFER);
  check(H5Pset_vlen_mem_manager(transfer, allocate_text, &arena, keep_text, nullptr),
        "cannot read texts");
  std::vector<char*> read(count, nullptr);
  check(H5Dread(dataset, memory_text(type), H5S_ALL, H5S_ALL, transfer, read.data()),
        "cannot read texts");
  texts.reserve(count);
  for (const char* text : read) texts.emplace_back(text == nullptr ? "" : text);
  return texts;
}

}  // namespace moesim::hdf5
