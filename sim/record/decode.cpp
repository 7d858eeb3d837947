// Reads a run file back. Dimensions come from DIMENSION_LIST, whose references are matched with the
// objects of the root group by address: nothing outside the root group is ever opened.
#include "sim/record/axes.hpp"
#include "sim/record/foreign.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

namespace moesim {
namespace {

using hdf5::check;
using hdf5::Failure;
using hdf5::Handle;

constexpr std::string_view kBareDimension = "This is a netCDF dimension but not a netCDF variable.";

struct Dataset {
  std::string name;
  Handle handle;
};

bool is_scalar(hid_t attribute) {
  const Handle space(H5Aget_space(attribute), H5Sclose, "a bad attribute");
  return H5Sget_simple_extent_npoints(space) == 1 && H5Sget_simple_extent_ndims(space) <= 1;
}

std::string read_text(hid_t attribute, Budget& budget) {
  char* characters = nullptr;
  check(H5Aread(attribute, hdf5::text_type(), &characters), "a bad attribute");
  std::string text = characters == nullptr ? "" : characters;
  H5free_memory(characters);
  budget.charge(text.size());
  return text;
}

// Attributes of other kinds than ours are somebody's annotation: left out.
std::optional<Attribute> read_attribute(hid_t attribute, Budget& budget) {
  if (!is_scalar(attribute)) return std::nullopt;
  const Handle type(H5Aget_type(attribute), H5Tclose, "a bad attribute");
  switch (H5Tget_class(type)) {
    case H5T_STRING:
      if (check(H5Tis_variable_str(type), "a bad attribute") == 0) return std::nullopt;
      return read_text(attribute, budget);
    case H5T_INTEGER: {
      std::int64_t value = 0;
      check(H5Aread(attribute, H5T_NATIVE_INT64, &value), "a bad attribute");
      return value;
    }
    case H5T_FLOAT: {
      double value = 0;
      check(H5Aread(attribute, H5T_NATIVE_DOUBLE, &value), "a bad attribute");
      return value;
    }
    default:
      return std::nullopt;
  }
}

void read_attributes(hid_t root, RunFile& run, Budget& budget) {
  const Handle create(H5Gget_create_plist(root), H5Pclose, "no root group");
  unsigned order = 0;
  check(H5Pget_attr_creation_order(create, &order), "no root group");
  const H5_index_t index = (order & H5P_CRT_ORDER_TRACKED) ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;

  H5O_info_t object;
  check(H5Oget_info2(root, &object, H5O_INFO_NUM_ATTRS), "no root group");
  if (object.num_attrs > kMaxAttributes) throw Failure("has too many attributes");
  for (hsize_t i = 0; i < object.num_attrs; ++i) {
    const Handle attribute(
        H5Aopen_by_idx(root, ".", index, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
        "a bad attribute");
    char name[128];
    const ssize_t size = check(H5Aget_name(attribute, sizeof name, name), "a bad attribute");
    if (static_cast<std::size_t>(size) >= sizeof name || name[0] == '_') continue;
    hdf5::check_printable_name(name);
    if (auto value = read_attribute(attribute, budget)) run.attribute(name, std::move(*value));
  }
}

std::string text_attribute(hid_t object, const char* name, Budget& budget) {
  if (check(H5Aexists(object, name), "a bad attribute") == 0) return "";
  const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose, "a bad attribute");
  const auto value = read_attribute(attribute, budget);
  const auto* text = value ? std::get_if<std::string>(&*value) : nullptr;
  return text == nullptr ? "" : *text;
}

// NAME is of fixed length: H5DS writes it.
bool is_bare_dimension(hid_t dataset) {
  if (check(H5Aexists(dataset, "NAME"), "a bad attribute") == 0) return false;
  const Handle attribute(H5Aopen(dataset, "NAME", H5P_DEFAULT), H5Aclose, "a bad attribute");
  const Handle type(H5Aget_type(attribute), H5Tclose, "a bad attribute");
  const std::size_t size = H5Tget_size(type);
  if (!is_scalar(attribute) || H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 ||
      size > 256)
    return false;
  std::string name(size, '\0');
  check(H5Aread(attribute, type, name.data()), "a bad attribute");
  return name.starts_with(kBareDimension);
}

using Names = std::map<haddr_t, std::string>;  // objects of the root group by address

std::vector<std::string> read_dims(const Dataset& dataset, std::size_t rank, const Names& names) {
  if (rank == 0) return {};
  if (check(H5Aexists(dataset.handle, "DIMENSION_LIST"), "a bad attribute") == 0) {
    if (rank == 1) return {dataset.name};
    throw Failure(dataset.name + " has no named dimensions");
  }
  const Handle attribute(H5Aopen(dataset.handle, "DIMENSION_LIST", H5P_DEFAULT), H5Aclose,
                         "a bad attribute");
  const Handle list(H5Tvlen_create(H5T_STD_REF_OBJ), H5Tclose, "cannot make a type");
  const Handle type(H5Aget_type(attribute), H5Tclose, "a bad attribute");
  const Handle space(H5Aget_space(attribute), H5Sclose, "a bad attribute");
  if (check(H5Tequal(type, list), "a bad attribute") == 0 ||
      H5Sget_simple_extent_npoints(space) != static_cast<hssize_t>(rank))
    throw Failure(dataset.name + " has a bad list of dimensions");

  std::vector<hvl_t> references(rank, hvl_t{0, nullptr});
  check(H5Aread(attribute, list, references.data()), "a bad attribute");
  std::vector<std::string> dims;
  for (const hvl_t& reference : references) {
    const auto name =
        reference.len == 0 ? names.end() : names.find(*static_cast<const hobj_ref_t*>(reference.p));
    if (name != names.end()) dims.push_back(name->second);
  }
  H5Dvlen_reclaim(list, space, H5P_DEFAULT, references.data());
  if (dims.size() != rank) throw Failure(dataset.name + " has a dimension without a name");
  return dims;
}

Variable::Type type_of(const Dataset& dataset) {
  const Handle type(H5Dget_type(dataset.handle), H5Tclose, "no type");
  const auto is = [&](hid_t little, hid_t big) {
    return H5Tequal(type, little) > 0 || H5Tequal(type, big) > 0;
  };
  if (is(H5T_IEEE_F32LE, H5T_IEEE_F32BE)) return Variable::Type::float32;
  if (is(H5T_IEEE_F64LE, H5T_IEEE_F64BE)) return Variable::Type::float64;
  if (is(H5T_STD_I32LE, H5T_STD_I32BE)) return Variable::Type::int32;
  if (is(H5T_STD_I64LE, H5T_STD_I64BE)) return Variable::Type::int64;
  if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0) return Variable::Type::text;
  throw Failure(dataset.name + " is none of float32, float64, int32, int64, text");
}

bool is_growing(hid_t dataset, std::size_t rank) {
  if (rank == 0) return false;
  const Handle space(H5Dget_space(dataset), H5Sclose, "no dataspace");
  std::vector<hsize_t> limit(rank);
  check(H5Sget_simple_extent_dims(space, nullptr, limit.data()), "no shape");
  return limit[0] == H5S_UNLIMITED;
}

Variable read_variable(const Dataset& dataset, const Names& names, Budget& budget) {
  Variable variable;
  variable.name = dataset.name;
  variable.type = type_of(dataset);
  const bool text = variable.type == Variable::Type::text;
  variable.shape = hdf5::checked_shape(dataset.handle, budget);
  variable.dims = read_dims(dataset, variable.shape.size(), names);
  variable.growing = !text && is_growing(dataset.handle, variable.shape.size());
  variable.long_name = text_attribute(dataset.handle, "long_name", budget);
  variable.units = text_attribute(dataset.handle, "units", budget);

  const auto count = static_cast<std::size_t>(count_of(variable.shape));
  if (text) {
    variable.texts = hdf5::read_texts(dataset.handle, count, budget);
  } else if (count > 0) {
    variable.values.resize(count);
    check(H5Dread(dataset.handle, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                  variable.values.data()),
          "cannot read " + variable.name);
  }
  return variable;
}

}  // namespace

RunFile decode(const std::string& path) {
  const hdf5::Quiet quiet;
  const Handle file = hdf5::open_foreign(path);
  Budget budget(declarable_bytes(std::filesystem::file_size(path)));
  const Handle root(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose, "no root group");

  RunFile run;
  read_attributes(root, run, budget);
  std::vector<Dataset> datasets;
  Names names;
  for (const std::string& name : hdf5::link_names(root)) {
    Handle object(H5Oopen(root, name.c_str(), H5P_DEFAULT), H5Oclose, "cannot open " + name);
    if (H5Iget_type(object) != H5I_DATASET) continue;  // subgroups are not read
    H5O_info_t info;
    check(H5Oget_info2(object, &info, H5O_INFO_BASIC), "cannot open " + name);
    names.emplace(info.addr, name);
    datasets.push_back({name, std::move(object)});
  }
  for (const Dataset& dataset : datasets)
    if (!is_bare_dimension(dataset.handle)) run.put(read_variable(dataset, names, budget));
  axes_of(run.variables());
  return run;
}

}  // namespace moesim
