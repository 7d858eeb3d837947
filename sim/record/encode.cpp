#include "sim/record/encode.hpp"

#include "sim/core/error.hpp"
#include "sim/record/block.hpp"
#include "sim/record/digest.hpp"
#include "sim/record/hdf5.hpp"
#include "sim/record/image_content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

// H5DS of the high-level library. Its header includes hdf5.h, so hdf5.hpp must come first.
#include <hdf5_hl.h>

namespace moesim {
namespace {

using hdf5::check;
using hdf5::Handle;
using hdf5::property_list;
using hdf5::scalar_space;
using hdf5::text_type;

constexpr unsigned kOrder = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;

Handle new_file(ImageContent& content) {
  const Handle create = property_list(H5P_FILE_CREATE);
  check(H5Pset_link_creation_order(create, kOrder), "cannot track creation order");
  check(H5Pset_attr_creation_order(create, kOrder), "cannot track creation order");
  check(H5Pset_obj_track_times(create, false), "cannot leave out times");
  const Handle access = content.access();
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

// Growing and empty dimensions are unlimited: HDF5 has no chunks along a fixed length of 0.
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

// The chunk shape: the rows of a block, or all rows if they do not fill one.
std::vector<hsize_t> chunk_of(const std::vector<Axis>& axes) {
  std::vector<std::int64_t> shape;
  std::vector<hsize_t> chunk;
  for (const Axis& axis : axes) {
    shape.push_back(axis.size);
    chunk.push_back(static_cast<hsize_t>(std::max<std::int64_t>(1, axis.size)));
  }
  chunk[0] = std::min(chunk[0], static_cast<hsize_t>(block_rows(shape)));
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
      // The level is for readers: block.cpp compresses.
      check(H5Pset_deflate(create, kDeflateLevel), "cannot set the deflate filter");
      check(H5Pset_fletcher32(create), "cannot set the checksum filter");
    }
  }
  return {H5Dcreate2(file, name.c_str(), type, space_of(axes), H5P_DEFAULT, create, H5P_DEFAULT),
          H5Dclose, "cannot make a variable"};
}

// Writes numbers as finished chunks.
void write_chunks(hid_t dataset, const Variable& variable, const RunFile& run,
                  ImageContent& content) {
  const auto rows = static_cast<std::uint64_t>(block_rows(variable.shape));
  std::vector<hsize_t> at(variable.shape.size(), 0);
  const auto write = [&](const std::string& chunk) {
    check(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, at.data(), chunk.size(), chunk.data()),
          "cannot write a variable");
    at[0] += rows;
  };
  for (const RowBlock& block : variable.blocks) {
    const std::string chunk = run.block_store()->read(block);
    content.lend(chunk, block);
    write(chunk);
  }
  const std::size_t each = rows * static_cast<std::size_t>(row_values(variable.shape));
  const std::size_t count = variable.values.size(), size = bytes_each(variable.type);
  for (std::size_t first = 0; first < count; first += each) {
    std::string stored = stored_values(variable, first, std::min(each, count - first));
    if (static_cast<std::uint64_t>(variable.shape[0]) > rows) stored.resize(each * size, '\0');
    write(filtered(stored, size));
  }
}

Handle write_texts(hid_t file, const Variable& variable, const std::vector<Axis>& axes) {
  const Handle type = text_type();
  Handle dataset = new_dataset(file, variable.name, type, axes, false);
  std::vector<const char*> texts;
  for (const std::string& text : variable.texts) texts.push_back(text.c_str());
  if (!texts.empty())
    check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()),
          "cannot write a variable");
  return dataset;
}

hid_t type_of(Variable::Type type) {
  switch (type) {
    case Variable::Type::float32:
      return H5T_IEEE_F32LE;
    case Variable::Type::int32:
      return H5T_STD_I32LE;
    case Variable::Type::int64:
      return H5T_STD_I64LE;
    case Variable::Type::uint8:
      return H5T_STD_U8LE;
    default:
      return H5T_IEEE_F64LE;
  }
}

Handle write_numbers(hid_t file, const Variable& variable, const std::vector<Axis>& axes,
                     const RunFile& run, ImageContent& content) {
  const hid_t type = type_of(variable.type);
  Handle dataset = new_dataset(file, variable.name, type, axes, true);
  if (!axes.empty())
    write_chunks(dataset, variable, run, content);
  else
    check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                   stored_values(variable, 0, 1).data()),
          "cannot write a variable");
  return dataset;
}

Handle write_variable(hid_t file, const Variable& variable, const std::vector<Axis>& axes,
                      const RunFile& run, ImageContent& content) {
  Handle dataset = variable.type == Variable::Type::text
                       ? write_texts(file, variable, axes)
                       : write_numbers(file, variable, axes, run, content);
  if (!variable.long_name.empty()) write_attribute(dataset, "long_name", variable.long_name);
  if (!variable.units.empty()) write_attribute(dataset, "units", variable.units);
  if (!variable.description.empty()) write_attribute(dataset, "description", variable.description);
  return dataset;
}

// Writes a dimension without a variable like the netCDF-4 library: an empty dataset whose NAME says
// so.
Handle write_bare_dimension(hid_t file, const Axis& axis) {
  Handle dataset = new_dataset(file, axis.name, H5T_IEEE_F32BE, {axis}, false);
  const std::string name =
      fmt::format("This is a netCDF dimension but not a netCDF variable. {:10}", axis.size);
  check(H5DSset_scale(dataset, name.c_str()), "cannot make a dimension");
  return dataset;
}

// Writes the number of the dimension, by which readers order dimensions.
void write_dimension_id(hid_t dataset, std::size_t id) {
  const auto number = static_cast<std::int32_t>(id);
  const Handle attribute(
      H5Acreate2(dataset, "_Netcdf4Dimid", H5T_STD_I32LE, scalar_space(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, "cannot make an attribute");
  check(H5Awrite(attribute, H5T_NATIVE_INT32, &number), "cannot write an attribute");
}

// Creates the datasets in the order of the variables, each bare dimension before its first user, so
// that reading and rewriting a file gives the same bytes. Attaches the scales at the end, when all
// datasets exist.
void write_variables(hid_t file, const RunFile& run, const std::vector<Axis>& axes,
                     ImageContent& content) {
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
    Handle dataset = write_variable(file, variable, own, run, content);
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

Image encode(const RunFile& run, const std::vector<Axis>& axes, const std::string& digest) {
  const hdf5::Quiet quiet;
  try {
    const auto content = std::make_shared<ImageContent>(run.block_store());
    Handle file = new_file(*content);
    if (run.attributes().count("moesim_schema") == 0)
      write_attribute(file, "moesim_schema", kRunFileSchema);
    for (const std::string& name : run.attribute_order())
      if (name != kDigest && name != kEarlierDigest)
        write_attribute(file, name.c_str(), run.attributes().at(name));
    write_attribute(file, kDigest, digest);
    write_variables(file, run, axes, *content);
    file.close("cannot complete the file in memory");
    return Image(content);
  } catch (const hdf5::Failure& failure) {
    fail_in("run file", failure.what());
  }
}

}  // namespace moesim
