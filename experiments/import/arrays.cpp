#include "experiments/import/arrays.hpp"

#include "sim/checkpoint/safetensors.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/npy.hpp"
#include "sim/data/zip.hpp"
#include "sim/io/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace moesim {
namespace {

constexpr const char* kTypes = "integers of 1 to 8 bytes, or float16, float32 or float64";

ForeignArray array_of_npy(const std::string& where, std::string_view bytes) {
  const NpyHeader header = npy_header(where, bytes.substr(0, kMostNpyHeader), bytes.size());
  ForeignArray array{where, {}, nullptr, header.shape, bytes.substr(header.begin)};
  for (const NumberType& type : kNumberTypes)
    if (*type.numpy != '\0' && header.is_of(type.numpy)) array.type = &type;
  if (array.type == nullptr)
    fail(Exit::data, fmt::format("{}: expected {}, the low byte first, found '{}'", where, kTypes,
                                 config::printable(header.descr)));
  header.require_size(where, bytes.size(), array.type->bytes);
  return array;
}

class ArraysReader {
 public:
  ArraysReader(const std::string& path, const std::vector<std::string>& names, ArrayFiles& files)
      : path_(path), names_(names), files_(files) {}

  void read() {
    files_.contents.push_back(read_file(path_));
    const std::string_view bytes = files_.contents.back();
    if (bytes.starts_with("\x1f\x8b"))
      fail(Exit::data, path_ + ": compressed with gzip; run gunzip first");
    if (is_npy(bytes))
      read_npy(bytes);
    else if (is_zip(bytes))
      read_npz(bytes);
    else if (bytes.size() > 8 && bytes[8] == '{')
      read_tensors(bytes);
    else
      fail(Exit::data, path_ +
                           ": expected a .npy, .npz or .safetensors file, or JSON lines, found "
                           "something else");
  }

 private:
  bool is_wanted(const std::string& name) const {
    return std::find(names_.begin(), names_.end(), name) != names_.end();
  }
  void add(ForeignArray array, const std::string& name) {
    if (const ForeignArray* other = files_.find(name))
      fail(Exit::data,
           fmt::format("{}: '{}' is in {}, too; give it once", path_, name, other->where));
    array.name = name;
    files_.arrays.push_back(std::move(array));
  }
  void read_npy(std::string_view bytes) {
    ForeignArray array = array_of_npy(path_, bytes);
    const std::string stem = std::filesystem::path(path_).stem().string();
    const std::string guess = names_[array.type->is_integer() ? 0 : 1];
    add(std::move(array), is_wanted(stem) ? stem : guess);
  }
  void read_npz(std::string_view bytes) {
    std::uint64_t left = kMaxDataBytes;
    for (const ZipMember& member : zip_members(path_, bytes)) {
      const bool is_array = member.name.ends_with(".npy");
      const std::string name = is_array ? member.name.substr(0, member.name.size() - 4) : "";
      if (!is_wanted(name)) {
        files_.ignored.push_back(config::printable(is_array ? name : member.name));
        continue;
      }
      const std::string_view contents =
          unzipped(path_, bytes, member, left, files_.contents.emplace_back());
      left -= contents.size();
      add(array_of_npy(path_ + ": " + name, contents), name);
    }
  }
  void read_tensors(std::string_view bytes) {
    TensorFile tensors;
    try {
      tensors = read_safetensors(bytes);
    } catch (const std::runtime_error& problem) {
      fail(Exit::data,
           path_ + ": a damaged safetensors file: " + config::printable(problem.what(), 200));
    }
    for (const TensorView& tensor : tensors.tensors) {
      if (!is_wanted(tensor.name)) {
        files_.ignored.push_back(config::printable(tensor.name));
        continue;
      }
      const std::string where = path_ + ": " + tensor.name;
      ForeignArray array{
          where, {}, nullptr, {tensor.shape.begin(), tensor.shape.end()}, tensor.bytes};
      for (const NumberType& type : kNumberTypes)
        if (tensor.dtype == type.safetensors) array.type = &type;
      if (array.type == nullptr)
        fail(Exit::data, fmt::format("{}: expected {}, or bfloat16, found {}", where, kTypes,
                                     config::printable(tensor.dtype)));
      if (tensor.bytes.empty())
        fail(Exit::data, fmt::format("{}: expected an array of numbers, found {}", where,
                                     shape_text(array.shape)));
      add(std::move(array), tensor.name);
    }
  }

  const std::string& path_;
  const std::vector<std::string>& names_;
  ArrayFiles& files_;
};

}  // namespace

const ForeignArray* ArrayFiles::find(std::string_view name) const {
  const auto found = std::find_if(arrays.begin(), arrays.end(),
                                  [&](const ForeignArray& array) { return array.name == name; });
  return found == arrays.end() ? nullptr : &*found;
}

void read_arrays(const std::string& path, const std::vector<std::string>& names,
                 ArrayFiles& files) {
  ArraysReader(path, names, files).read();
}

bool begins_as_json(const std::string& path) {
  const InputFile file(path);
  char first = 0;
  file.read_at(0, &first, 1);
  return first == '{';
}

}  // namespace moesim
