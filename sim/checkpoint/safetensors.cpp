#include "sim/checkpoint/safetensors.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <set>
#include <stdexcept>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr std::size_t kMostHeader = 16u << 20;
constexpr std::size_t kMostRank = 8;
constexpr std::uint64_t kMostExtent = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kAlignment = 8;  // of the first value, in bytes

const std::map<std::string, std::uint64_t>& sizes() {
  static const std::map<std::string, std::uint64_t> all = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"U16", 2}, {"I16", 2}, {"F16", 2}, {"BF16", 2},
      {"U32", 4},  {"I32", 4}, {"F32", 4}, {"U64", 8}, {"I64", 8}, {"F64", 8}};
  return all;
}

[[noreturn]] void bad(const std::string& reason) { throw std::runtime_error(reason); }

// Parses the header and rejects duplicate keys, of which the JSON parser would keep the last. Depth
// 0 is that of the header's own keys.
Json parse_header(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  bool twice = false, deep = false;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    deep = deep || depth > 3;
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.empty())
      twice = !keys.back().insert(value.get<std::string>()).second || twice;
    return true;
  };
  Json header = Json::parse(text.begin(), text.end(), watch, false);
  if (header.is_discarded() || !header.is_object()) bad("its header is not a JSON object");
  if (twice) bad("a duplicate name in its header");
  if (deep) bad("its header is nested too deep");
  return header;
}

std::uint64_t whole(const Json& value, const std::string& name) {
  if (!value.is_number_unsigned()) bad(name + ": a size that is not a whole number");
  return value.get<std::uint64_t>();
}

TensorView read_tensor(const std::string& name, const Json& entry, std::string_view data) {
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") ||
      !entry.contains("shape") || !entry.contains("data_offsets"))
    bad(name + ": needs dtype, shape and data_offsets");
  const Json& dtype = entry["dtype"];
  if (!dtype.is_string() || sizes().count(dtype.get<std::string>()) == 0)
    bad(name + ": an unknown dtype");
  TensorView tensor{name, dtype.get<std::string>(), {}, {}};
  const Json &shape = entry["shape"], &offsets = entry["data_offsets"];
  if (!shape.is_array() || shape.size() > kMostRank) bad(name + ": an invalid shape");
  std::uint64_t bytes = sizes().at(tensor.dtype);
  for (const Json& extent : shape) {
    const std::uint64_t size = whole(extent, name);
    if (size > kMostExtent) bad(name + ": an invalid shape");  // a shape with a 0 has no bytes
    if (size != 0 && bytes > data.size() / size) bad(name + ": larger than the file");
    bytes *= size;
    tensor.shape.push_back(static_cast<std::int64_t>(size));
  }
  if (!offsets.is_array() || offsets.size() != 2) bad(name + ": data_offsets must be two numbers");
  const std::uint64_t begin = whole(offsets[0], name), end = whole(offsets[1], name);
  if (begin > end || end > data.size()) bad(name + ": its bytes are outside the file");
  if (end - begin != bytes) bad(name + ": its bytes do not match its shape");
  tensor.bytes = data.substr(begin, bytes);
  return tensor;
}

}  // namespace

std::vector<std::string_view> safetensors_pieces(const TensorFile& file, std::string& header) {
  Json json = Json::object();
  if (!file.metadata.empty()) json["__metadata__"] = file.metadata;
  std::uint64_t at = 0;
  for (const TensorView& tensor : file.tensors) {
    json[tensor.name] = {{"dtype", tensor.dtype},
                         {"shape", tensor.shape},
                         {"data_offsets", {at, at + tensor.bytes.size()}}};
    at += tensor.bytes.size();
  }
  const std::string text = json.dump();
  const std::uint64_t padded = (text.size() + kAlignment - 1) / kAlignment * kAlignment;
  header.assign(reinterpret_cast<const char*>(&padded), sizeof padded);
  header += text;
  header.append(padded - text.size(), ' ');
  std::vector<std::string_view> pieces{header};
  for (const TensorView& tensor : file.tensors) pieces.push_back(tensor.bytes);
  return pieces;
}

TensorFile read_safetensors(std::string_view bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) bad("too short for a safetensors file");
  std::copy_n(bytes.data(), sizeof length, reinterpret_cast<char*>(&length));
  bytes.remove_prefix(sizeof length);
  if (length > kMostHeader) bad("declares a header of more than 16 MB");
  if (length > bytes.size()) bad("ends inside its header");
  const Json header = parse_header(bytes.substr(0, length));
  const std::string_view data = bytes.substr(length);

  TensorFile file;
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") {
      file.tensors.push_back(read_tensor(name, entry, data));
      continue;
    }
    if (!entry.is_object()) bad("its metadata are not strings");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) bad("its metadata are not strings");
      file.metadata[key] = value.get<std::string>();
    }
  }
  std::stable_sort(file.tensors.begin(), file.tensors.end(),
                   [](const TensorView& a, const TensorView& b) {
                     return std::pair(a.bytes.data(), a.bytes.size()) <
                            std::pair(b.bytes.data(), b.bytes.size());
                   });
  const char* next = data.data();
  for (const TensorView& tensor : file.tensors) {
    if (tensor.bytes.data() != next) bad(tensor.name + ": a gap or an overlap before its bytes");
    next += tensor.bytes.size();
  }
  if (next != data.data() + data.size()) bad("has bytes after the last tensor");
  return file;
}

}  // namespace moesim
