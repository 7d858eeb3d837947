// Reads dimensions from DIMENSION_LIST by matching its references with the addresses of the objects
// in the root group; nothing outside the root group is opened.
#include "sim/record/opened.hpp"

#include "sim/record/axes.hpp"
#include "sim/record/block.hpp"

#include <algorithm>
#include <cctype>

namespace moesim::hdf5 {
namespace {

constexpr std::string_view kBareDimension = "This is a netCDF dimension but not a netCDF variable.";
constexpr std::int64_t kMostExact = std::int64_t{1} << 53;
constexpr std::int64_t kSliceBytes = 1 << 20;

bool is_scalar(hid_t attribute) {
  const Handle space(H5Aget_space(attribute), H5Sclose, "a bad attribute");
  return H5Sget_simple_extent_npoints(space) == 1 && H5Sget_simple_extent_ndims(space) <= 1;
}

std::optional<Attribute> read_attribute(hid_t attribute, Budget& budget) {
  if (!is_scalar(attribute)) return std::nullopt;
  const Handle type(H5Aget_type(attribute), H5Tclose, "a bad attribute");
  switch (H5Tget_class(type)) {
    case H5T_STRING:
      return read_text(attribute, budget);
    case H5T_INTEGER: {
      if (H5Tget_size(type) == 8 && H5Tget_sign(type) == H5T_SGN_NONE) {
        std::uint64_t value = 0;
        check(H5Aread(attribute, H5T_NATIVE_UINT64, &value), "a bad attribute");
        if (value > INT64_MAX) return std::nullopt;
        return static_cast<std::int64_t>(value);
      }
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

std::string text_attribute(hid_t object, const char* name, Budget& budget) {
  if (check(H5Aexists(object, name), "a bad attribute") == 0) return "";
  const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose, "a bad attribute");
  const auto value = read_attribute(attribute, budget);
  const auto* text = value ? std::get_if<std::string>(&*value) : nullptr;
  return text == nullptr ? "" : *text;
}

bool is_bare_dimension(hid_t dataset) {
  Budget budget(256);
  try {
    return text_attribute(dataset, "NAME", budget).starts_with(kBareDimension);
  } catch (const std::runtime_error&) {
    return false;  // moesim writes no text of this length
  }
}

// Integers of other widths are read as the next wider type of Variable::Type.
std::optional<Variable::Type> type_of(hid_t dataset) {
  const Handle type(H5Dget_type(dataset), H5Tclose, "no type");
  const std::size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      if (size <= 4) return Variable::Type::float32;
      if (size == 8) return Variable::Type::float64;
      return std::nullopt;
    case H5T_INTEGER: {
      if (size > 8) return std::nullopt;
      if (size == 1 && H5Tget_sign(type) == H5T_SGN_NONE) return Variable::Type::uint8;
      const bool narrow = size < 4 || (size == 4 && H5Tget_sign(type) == H5T_SGN_2);
      return narrow ? Variable::Type::int32 : Variable::Type::int64;
    }
    case H5T_STRING:
      return Variable::Type::text;
    default:
      return std::nullopt;
  }
}

bool is_growing(hid_t dataset, std::size_t rank) {
  if (rank == 0) return false;
  const Handle space(H5Dget_space(dataset), H5Sclose, "no dataspace");
  std::vector<hsize_t> limit(rank);
  check(H5Sget_simple_extent_dims(space, nullptr, limit.data()), "no shape");
  return limit[0] == H5S_UNLIMITED;
}

extern "C" herr_t take_name(hid_t, const char* name, const H5A_info_t*, void* into) {
  try {
    static_cast<std::vector<std::string>*>(into)->emplace_back(name);
    return 0;
  } catch (const std::exception&) {  // must not pass through C
    return -1;
  }
}

}  // namespace

Opened::Opened(const std::string& path)
    : file_(open_foreign(path)),
      root_(H5Gopen2(file_, "/", H5P_DEFAULT), H5Gclose, "no root group"),
      links_(links_of(root_)) {
  for (const Link& link : links_) name_at_.emplace(link.address, link.name);
}

void Opened::read_attributes(RunFile& run, const std::vector<std::string>& names, Budget& budget,
                             Settings settings) const {
  const auto take = [&](hid_t attribute, const std::string& name) {
    if (auto value = read_attribute(attribute, budget)) run.attribute(name, std::move(*value));
  };
  for (const std::string& name : names) {
    if (check(H5Aexists(root_, name.c_str()), "a bad attribute") == 0) continue;
    const Handle attribute(H5Aopen(root_, name.c_str(), H5P_DEFAULT), H5Aclose, "a bad attribute");
    take(attribute, name);
  }
  if (!names.empty()) return;

  const Handle create(H5Gget_create_plist(root_), H5Pclose, "no root group");
  unsigned order = 0;
  check(H5Pget_attr_creation_order(create, &order), "no root group");
  const H5_index_t index = (order & H5P_CRT_ORDER_TRACKED) ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  H5O_info_t object;
  check(H5Oget_info2(root_, &object, H5O_INFO_NUM_ATTRS), "no root group");
  if (object.num_attrs > kMaxAttributes) throw Failure("has too many attributes");
  std::vector<std::string> all;
  hsize_t from = 0;
  check(H5Aiterate2(root_, index, H5_ITER_INC, &from, take_name, &all), "a bad attribute");
  std::erase_if(all, [&](const std::string& name) {
    return name[0] == '_' ||
           !(is_plain_name(name) || (settings == Settings::all && is_setting_name(name)));
  });
  if (!all.empty()) read_attributes(run, all, budget, settings);
}

std::string Opened::writer() const {
  Budget budget(4096);
  std::string text;
  try {
    text = text_attribute(root_, "_NCProperties", budget);
  } catch (const std::runtime_error&) {
    return "an unknown library";  // no known library writes a text of this length
  }
  if (text.empty()) return {};
  // "version=2,netcdf=4.9.0,hdf5=1.12.2": version of the attribute's format, then the library.
  const std::size_t begin = std::min(text.find(','), text.size() - 1) + 1;
  std::string name = text.substr(begin, text.find(',', begin) - begin).substr(0, 40);
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '=');
  });
  if (name.empty() || !plain) return "an unknown library";
  std::replace(name.begin(), name.end(), '=', ' ');
  return name;
}

std::vector<std::string> Opened::names() const {
  std::vector<std::string> all;
  for (const Link& link : links_)
    if (is_plain_name(link.name)) all.push_back(link.name);
  return all;
}

std::optional<Opened::Dataset> Opened::open(const std::string& name) const {
  if (std::none_of(links_.begin(), links_.end(), [&](const Link& l) { return l.name == name; }))
    return std::nullopt;
  Handle object(H5Oopen(root_, name.c_str(), H5P_DEFAULT), H5Oclose, "cannot open " + name);
  if (H5Iget_type(object) != H5I_DATASET) return std::nullopt;  // subgroups are not read
  if (is_bare_dimension(object) || !type_of(object)) return std::nullopt;
  return Dataset{name, std::move(object)};
}

std::vector<std::string> Opened::dims_of(const Dataset& dataset, std::size_t rank) const {
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
    const auto name = reference.len == 0
                          ? name_at_.end()
                          : name_at_.find(*static_cast<const hobj_ref_t*>(reference.p));
    if (name != name_at_.end()) dims.push_back(name->second);
  }
  H5Dvlen_reclaim(list, space, H5P_DEFAULT, references.data());
  if (dims.size() != rank) throw Failure(dataset.name + " has a dimension without a name");
  return dims;
}

Variable Opened::describe(const Dataset& dataset, Budget& budget, Extent extent) const {
  Variable variable;
  variable.name = dataset.name;
  variable.type = *type_of(dataset.handle);
  variable.shape = checked_shape(dataset.handle, budget, extent);
  variable.dims = dims_of(dataset, variable.shape.size());
  variable.growing =
      variable.type != Variable::Type::text && is_growing(dataset.handle, variable.shape.size());
  if (extent == Extent::part) return variable;
  variable.long_name = text_attribute(dataset.handle, "long_name", budget);
  variable.units = text_attribute(dataset.handle, "units", budget);
  return variable;
}

std::vector<double> read_values(const Opened::Dataset& dataset, const Variable& variable,
                                std::int64_t first, std::int64_t rows) {
  const std::int64_t count = rows * row_values(variable.shape);
  std::vector<double> values(static_cast<std::size_t>(count));
  if (count == 0) return values;
  if (variable.type == Variable::Type::float32 || variable.type == Variable::Type::float64) {
    read_rows(dataset.handle, variable.shape, first, rows, H5T_NATIVE_DOUBLE, values.data());
    return values;
  }
  std::vector<std::int64_t> integers(values.size());
  read_rows(dataset.handle, variable.shape, first, rows, H5T_NATIVE_INT64, integers.data());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (integers[i] > kMostExact || integers[i] < -kMostExact)
      throw Failure(dataset.name + " holds the integer " + std::to_string(integers[i]) +
                    "; only those up to 2^53 are read");
    values[i] = static_cast<double>(integers[i]);
  }
  return values;
}

void each_slice(const Opened::Dataset& dataset, const Variable& variable, std::int64_t least,
                const std::function<void(std::int64_t first, std::int64_t rows)>& take) {
  const std::int64_t all = variable.shape.empty() ? 1 : variable.shape[0];
  const std::int64_t row_bytes = std::max<std::int64_t>(
      1, row_values(variable.shape) * static_cast<std::int64_t>(sizeof(double)));
  const auto up = [](std::int64_t size, std::int64_t unit) {
    return (size + unit - 1) / unit * unit;
  };
  std::int64_t rows = up(std::max<std::int64_t>(1, kSliceBytes / row_bytes), least);
  // Slices end at chunk boundaries: a split chunk would be inflated once per part.
  const std::int64_t chunk = variable.shape.empty() ? 0 : chunk_rows(dataset.handle);
  if (chunk > 0 && chunk % least == 0) rows = up(rows, chunk);
  const auto most = static_cast<std::int64_t>(kMaxChunkBytes) / row_bytes;
  rows = std::max(least, std::min(rows, most / least * least));
  for (std::int64_t first = 0; first < all; first += rows) take(first, std::min(rows, all - first));
}

}  // namespace moesim::hdf5
