// Reads small HDF5 files.
#include "tests/support/oracle_file.hpp"

#include "sim/core/error.hpp"

#include <hdf5.h>

#include <algorithm>

namespace moesim::testing {
namespace {

class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t), const std::string& what) : id_(id), close_(close) {
    if (id < 0) fail(Exit::data, "cannot read " + what);
  }
  ~Handle() { close_(id_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

// A text attribute of fixed or variable length.
std::string read_text(hid_t attribute, hid_t type, const std::string& what) {
  if (H5Tis_variable_str(type) > 0) {
    const Handle memory(H5Tcopy(type), H5Tclose, what);
    char* text = nullptr;
    if (H5Aread(attribute, memory, &text) < 0 || text == nullptr) return {};
    std::string result = text;
    H5free_memory(text);
    return result;
  }
  std::string result(H5Tget_size(type), '\0');
  if (H5Aread(attribute, type, result.data()) < 0) return {};
  result.resize(std::min(result.size(), result.find('\0')));
  return result;
}

std::string layout_of(hid_t dataset, const std::string& what) {
  if (H5Aexists(dataset, "layout") <= 0) return {};
  const Handle attribute(H5Aopen(dataset, "layout", H5P_DEFAULT), H5Aclose, what);
  const Handle type(H5Aget_type(attribute), H5Tclose, what);
  if (H5Tget_class(type) != H5T_STRING) return {};
  std::string layout = read_text(attribute, type, what);
  layout.erase(std::remove(layout.begin(), layout.end(), ' '), layout.end());
  return layout;
}

StoredArray read_array(hid_t dataset, const std::string& what) {
  const Handle space(H5Dget_space(dataset), H5Sclose, what);
  StoredArray array;
  const int rank = std::max(0, H5Sget_simple_extent_ndims(space));
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  hsize_t size = 1;
  for (const hsize_t dim : dims) {
    size *= dim;
    array.dims.push_back(static_cast<index>(dim));
  }
  array.values.resize(size);
  if (size > 0 &&
      H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.values.data()) < 0)
    fail(Exit::data, "cannot read " + what);
  array.layout = layout_of(dataset, what);
  return array;
}

void read_group(hid_t group, const std::string& prefix, const std::string& what,
                std::map<std::string, StoredArray>& arrays) {
  H5G_info_t info;
  if (H5Gget_info(group, &info) < 0) fail(Exit::data, "cannot read " + what);
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    std::string name(256, '\0');
    const ssize_t length = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i,
                                              name.data(), name.size(), H5P_DEFAULT);
    if (length < 0 || static_cast<std::size_t>(length) >= name.size())
      fail(Exit::data, "cannot read a name in " + what);
    name.resize(static_cast<std::size_t>(length));
    const Handle object(H5Oopen(group, name.c_str(), H5P_DEFAULT), H5Oclose, what + " " + name);
    if (H5Iget_type(object) == H5I_GROUP)
      read_group(object, prefix + name + "/", what, arrays);
    else
      arrays[prefix + name] = read_array(object, what + " " + prefix + name);
  }
}

struct Attributes {
  OracleFile* file;
  const std::string* what;
};

// No exception may pass through the library that calls this.
herr_t read_attribute(hid_t root, const char* name, const H5A_info_t*, void* data) try {
  const auto& [file, what] = *static_cast<Attributes*>(data);
  const Handle attribute(H5Aopen(root, name, H5P_DEFAULT), H5Aclose, *what);
  const Handle type(H5Aget_type(attribute), H5Tclose, *what);
  if (H5Tget_class(type) == H5T_STRING)
    file->texts[name] = read_text(attribute, type, *what);
  else if (double value = 0; H5Aread(attribute, H5T_NATIVE_DOUBLE, &value) >= 0)
    file->numbers[name] = value;
  return 0;
} catch (const Error&) {
  return -1;
}

}  // namespace

OracleFile read_oracle(const std::filesystem::path& path) {
  const std::string what = path.string();
  const Handle file(H5Fopen(what.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, what);
  const Handle root(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose, what);
  OracleFile result;
  read_group(root, "", what, result.arrays);
  Attributes attributes{&result, &what};
  hsize_t position = 0;
  if (H5Aiterate2(root, H5_INDEX_NAME, H5_ITER_INC, &position, read_attribute, &attributes) < 0)
    fail(Exit::data, "cannot read the attributes of " + what);
  return result;
}

}  // namespace moesim::testing
