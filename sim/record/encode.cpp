#include "sim/record/encode.hpp"

#include "sim/core/error.hpp"
#include "sim/record/hdf5.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

// H5DS, from the high-level library; its header includes hdf5.h, so it comes after hdf5.hpp.
#include <hdf5_hl.h>

namespace moesim {
namespace {

using hdf5::check;
using hdf5::Handle;
using hdf5::property_list;
using hdf5::scalar_space;
using hdf5::text_type;

constexpr unsigned kOrder = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
constexpr hsize_t kChunkElements = 1 << 16;
constexpr unsigned kDeflateLevel = 4;

Handle new_file_in_memory() {
  const Handle create = property_list(H5P_FILE_CREATE);
  check(H5Pset_link_creation_order(create, kOrder), "cannot track creation order");
  check(H5Pset_attr_creation_order(create, kOrder), "cannot track creation order");
  check(H5Pset_obj_track_times(create, false), "cannot leave out times");
  const Handle access = property_list(H5P_FILE_ACCESS);
  check(H5Pset_fapl_core(access, 1 << 20, false), "cannot make a file in memory");
  check(H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18),
        "cannot choose the oldest format");
  return {H5Fcreate("run.h5", H5F_ACC_TRUNC, create, access), H5Fclose,
          "cannot make a file in memory"};
}

void write_attribute(hid_t object, const char* name, const Attribute& value) {
  const Handle space = scalar_space();
  const auto write = [&](hid_t stored, hid_t given, const void* data) {
    Handle attribute(H5Acreate2(object, name, stored, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                     "cannot make an attribute");
    check(H5Awrite(attribute, given, data), "cannot write an attribute");
    attribute.close("cannot close an attribute");
  };
  if (const auto* text = std::get_if<std::string>(&value)) {
    const Handle type = text_type();
    const char* characters = text->c_str();
    write(type, type, &characters);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    write(H5T_STD_I64LE, H5T_NATIVE_INT64, integer);
  } else {
    write(H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &std::get<double>(value));
  }
}

// A dimension that grows, or is empty, is unlimited: HDF5 has no chunks along a fixed length of 0.
Handle space_of(const std::vector<Axis>& axes) {
  if (axes.empty()) return scalar_space();
  std::vector<hsize_t> size, limit;
  for (const Axis& axis : axes) {
    size.push_back(static_cast<hsize_t>(axis.size));
    limit.push_back(axis.growing || axis.size == 0 ? H5S_UNLIMITED : size.back());
  }
  return {H5Screate_simple(static_cast<int>(size.size()), size.data(), limit.data()), H5Sclose,
          "cannot make a dataspace"};
}

// Whole rows, as many as fit.
std::vector<hsize_t> chunk_of(const std::vector<Axis>& axes) {
  std::vector<hsize_t> chunk(axes.size());
  hsize_t left = kChunkElements;
  for (std::size_t i = axes.size(); i-- > 0;) {
    chunk[i] = std::clamp<hsize_t>(static_cast<hsize_t>(axes[i].size), 1, left);
    left /= chunk[i];
  }
  return chunk;
}

Handle new_dataset(hid_t file, const std::string& name, hid_t type, const std::vector<Axis>& axes,
                   bool filters) {
  const Handle create = property_list(H5P_DATASET_CREATE);
  check(H5Pset_attr_creation_order(create, kOrder), "cannot track creation order");
  check(H5Pset_obj_track_times(create, false), "cannot leave out times");
  const bool extendible = std::any_of(
      axes.begin(), axes.end(), [](const Axis& axis) { return axis.growing || axis.size == 0; });
  if (!axes.empty() && (filters || extendible)) {
    const std::vector<hsize_t> chunk = chunk_of(axes);
    check(H5Pset_chunk(create, static_cast<int>(chunk.size()), chunk.data()), "cannot set chunks");
    if (filters) {
      check(H5Pset_shuffle(create), "cannot set the shuffle filter");
      check(H5Pset_deflate(create, kDeflateLevel), "cannot set the deflate filter");
      check(H5Pset_fletcher32(create), "cannot set the checksum filter");
    }
  }
  return {H5Dcreate2(file, name.c_str(), type, space_of(axes), H5P_DEFAULT, create, H5P_DEFAULT),
          H5Dclose, "cannot make a variable"};
}

// HDF5 would turn what does not fit into something else; here it is a bug of whoever recorded it.
std::vector<std::int64_t> as_integers(const Variable& variable) {
  const bool narrow = variable.type == Variable::Type::int32;
  const double limit = narrow ? 0x1p31 : 0x1p63;
  std::vector<std::int64_t> integers;
  integers.reserve(variable.values.size());
  for (const double value : variable.values) {
    if (!(value >= -limit && value < limit && value == std::floor(value)))
      fail_in("run file",
              fmt::format("{}: {} is no {}-bit integer", variable.name, value, narrow ? 32 : 64));
    integers.push_back(static_cast<std::int64_t>(value));
  }
  return integers;
}

Handle write_variable(hid_t file, const Variable& variable, const std::vector<Axis>& axes) {
  const auto create = [&](hid_t type, bool filters) {
    return new_dataset(file, variable.name, type, axes, filters);
  };
  const auto write = [&](Handle dataset, hid_t given, const void* data) {
    if (count_of(variable.shape) > 0)
      check(H5Dwrite(dataset, given, H5S_ALL, H5S_ALL, H5P_DEFAULT, data),
            "cannot write a variable");
    if (!variable.long_name.empty()) write_attribute(dataset, "long_name", variable.long_name);
    if (!variable.units.empty()) write_attribute(dataset, "units", variable.units);
    return dataset;
  };
  switch (variable.type) {
    case Variable::Type::float32:
      return write(create(H5T_IEEE_F32LE, true), H5T_NATIVE_DOUBLE, variable.values.data());
    case Variable::Type::float64:
      return write(create(H5T_IEEE_F64LE, true), H5T_NATIVE_DOUBLE, variable.values.data());
    case Variable::Type::int32:
      return write(create(H5T_STD_I32LE, true), H5T_NATIVE_INT64, as_integers(variable).data());
    case Variable::Type::int64:
      return write(create(H5T_STD_I64LE, true), H5T_NATIVE_INT64, as_integers(variable).data());
    case Variable::Type::text:
      break;
  }
  const Handle type = text_type();
  std::vector<const char*> texts;
  for (const std::string& text : variable.texts) texts.push_back(text.c_str());
  return write(create(type, false), type, texts.data());
}

// As the netCDF-4 library writes a dimension that has no variable: an empty dataset whose NAME says
// so.
Handle write_bare_dimension(hid_t file, const Axis& axis) {
  Handle dataset = new_dataset(file, axis.name, H5T_IEEE_F32BE, {axis}, false);
  const std::string name =
      fmt::format("This is a netCDF dimension but not a netCDF variable. {:10}", axis.size);
  check(H5DSset_scale(dataset, name.c_str()), "cannot make a dimension");
  return dataset;
}

// The number of the dimension: readers keep this order.
void write_dimension_id(hid_t dataset, std::size_t id) {
  const auto number = static_cast<std::int32_t>(id);
  const Handle attribute(
      H5Acreate2(dataset, "_Netcdf4Dimid", H5T_STD_I32LE, scalar_space(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, "cannot make an attribute");
  check(H5Awrite(attribute, H5T_NATIVE_INT32, &number), "cannot write an attribute");
}

// Datasets are made in the order of the variables, each bare dimension before its first user, so
// that reading and writing again gives the same bytes. Scales are attached at the end, when all of
// them are there.
void write_variables(hid_t file, const RunFile& run, const std::vector<Axis>& axes) {
  std::map<std::string, Axis> axis_of;
  for (const Axis& axis : axes) axis_of.emplace(axis.name, axis);

  std::map<std::string, Handle> scales;
  std::vector<Handle> datasets;
  for (const Variable& variable : run.variables()) {
    std::vector<Axis> own;
    for (const std::string& dim : variable.dims) {
      own.push_back(axis_of.at(dim));
      const Variable* labels = run.find(dim);
      if (labels == nullptr && scales.count(dim) == 0)
        scales.emplace(dim, write_bare_dimension(file, own.back()));
    }
    Handle dataset = write_variable(file, variable, own);
    if (is_coordinate(variable)) {
      check(H5DSset_scale(dataset, variable.name.c_str()), "cannot make a dimension");
      scales.emplace(variable.name, std::move(dataset));
    } else {
      datasets.push_back(std::move(dataset));
    }
  }

  for (std::size_t i = 0; i < axes.size(); ++i) write_dimension_id(scales.at(axes[i].name), i);
  auto dataset = datasets.begin();
  for (const Variable& variable : run.variables()) {
    if (is_coordinate(variable)) continue;
    for (std::size_t i = 0; i < variable.dims.size(); ++i)
      check(H5DSattach_scale(*dataset, scales.at(variable.dims[i]), static_cast<unsigned>(i)),
            "cannot attach a dimension");
    ++dataset;
  }
}

}  // namespace

std::string encode(const RunFile& run, const std::vector<Axis>& axes) {
  const hdf5::Quiet quiet;
  try {
    Handle file = new_file_in_memory();
    if (run.attributes().count("moesim_schema") == 0)
      write_attribute(file, "moesim_schema", kRunFileSchema);
    for (const std::string& name : run.attribute_order())
      write_attribute(file, name.c_str(), run.attributes().at(name));
    write_variables(file, run, axes);

    check(H5Fflush(file, H5F_SCOPE_GLOBAL), "cannot complete the file in memory");
    std::string bytes(static_cast<std::size_t>(
                          check(H5Fget_file_image(file, nullptr, 0), "cannot take the file")),
                      '\0');
    check(H5Fget_file_image(file, bytes.data(), bytes.size()), "cannot take the file");
    file.close("cannot close the file in memory");
    return bytes;
  } catch (const hdf5::Failure& failure) {
    fail_in("run file", failure.what());
  }
}

}  // namespace moesim
