#include "sim/record/block.hpp"

#include "sim/core/error.hpp"
#include "sim/io/sha256.hpp"
#include "sim/record/axes.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

namespace moesim {
namespace {

static_assert(std::endian::native == std::endian::little, "values are stored as they are");

constexpr auto kBlockValues = static_cast<std::int64_t>(kLeastBlockValues);

template <class Stored>
std::vector<double> doubles(std::string_view bytes) {
  std::vector<double> values(bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof stored, sizeof stored);
    values[i] = static_cast<double>(stored);
  }
  return values;
}

// Integers are passed as doubles, which are exact up to 2^53.
constexpr double kMostExact = 0x1p53;

template <class Stored>
std::string converted(const double* values, std::size_t count) {
  std::string bytes(count * sizeof(Stored), '\0');
  for (std::size_t i = 0; i < count; ++i) {
    const auto stored = static_cast<Stored>(values[i]);
    std::memcpy(bytes.data() + i * sizeof stored, &stored, sizeof stored);
  }
  return bytes;
}

// Converting a number that does not fit would change it; the recorder must not produce one.
template <class Integer>
std::string as_integers(const Variable& variable, std::size_t first, std::size_t count) {
  constexpr bool kExact = sizeof(Integer) < sizeof(double);
  const double least =
      kExact ? static_cast<double>(std::numeric_limits<Integer>::min()) : -kMostExact;
  const double most =
      kExact ? static_cast<double>(std::numeric_limits<Integer>::max()) : kMostExact;
  for (std::size_t i = first; i < first + count; ++i) {
    const double value = variable.values[i];
    if (!(value >= least && value <= most && value == std::floor(value)))
      fail_in("run file", fmt::format("{}: {} is no {}-bit integer{}", variable.name, value,
                                      8 * sizeof(Integer), kExact ? "" : " below 2^53"));
  }
  return converted<Integer>(variable.values.data() + first, count);
}

// Transposes a matrix of bytes. On [count, each] this is HDF5's shuffle: bytes of equal
// significance become adjacent. On [each, count] it is the inverse.
std::string transposed(std::string_view bytes, std::size_t rows, std::size_t cols) {
  std::string out(bytes.size(), '\0');
  for (std::size_t c = 0; c < cols; ++c)
    for (std::size_t r = 0; r < rows; ++r) out[c * rows + r] = bytes[r * cols + c];
  return out;
}

// Fletcher's checksum of big-endian 16-bit words, modulo 65535.
std::uint32_t fletcher32(std::string_view bytes) {
  std::uint64_t sum = 0, sums = 0;
  const auto byte = [&](std::size_t i) {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u;
  };
  // Both sums are reduced like in HDF5: to 1..65535, or 0 only if all words are 0.
  const auto fold = [](std::uint64_t value) {
    while (value >> 16 != 0) value = (value & 0xffff) + (value >> 16);
    return value;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += byte(i) << 8 | byte(i + 1);
    sums += sum;
    if (i % 720 == 718) sum = fold(sum), sums = fold(sums);
  }
  return static_cast<std::uint32_t>(fold(sums) << 16 | fold(sum));
}

}  // namespace

std::int64_t row_values(const std::vector<std::int64_t>& shape) {
  return shape.empty() ? 1 : count_of({shape.begin() + 1, shape.end()});
}

std::int64_t block_rows(const std::vector<std::int64_t>& shape) {
  const std::int64_t row = std::max<std::int64_t>(1, row_values(shape));
  return row >= kBlockValues ? 1 : (kBlockValues + row - 1) / row;
}

std::size_t bytes_each(Variable::Type type) {
  if (type == Variable::Type::uint8) return 1;
  return type == Variable::Type::float32 || type == Variable::Type::int32 ? 4 : 8;
}

std::string block_key(const Variable& variable) {
  return fmt::format("{}/{}", variable.name, row_values(variable.shape));
}

std::int64_t finished_rows(const Variable& variable) {
  return static_cast<std::int64_t>(variable.blocks.size()) * block_rows(variable.shape);
}

std::string stored_values(const Variable& variable, std::size_t first, std::size_t count) {
  switch (variable.type) {
    case Variable::Type::float32:
      return converted<float>(variable.values.data() + first, count);
    case Variable::Type::int32:
      return as_integers<std::int32_t>(variable, first, count);
    case Variable::Type::int64:
      return as_integers<std::int64_t>(variable, first, count);
    case Variable::Type::uint8:
      return as_integers<std::uint8_t>(variable, first, count);
    default:
      return {reinterpret_cast<const char*>(variable.values.data() + first),
              count * sizeof(double)};
  }
}

std::vector<double> numbers_of(std::string_view stored, Variable::Type type) {
  switch (type) {
    case Variable::Type::float32:
      return doubles<float>(stored);
    case Variable::Type::int32:
      return doubles<std::int32_t>(stored);
    case Variable::Type::int64:
      return doubles<std::int64_t>(stored);
    case Variable::Type::uint8:
      return doubles<std::uint8_t>(stored);
    default:
      return doubles<double>(stored);
  }
}

std::string filtered(std::string_view stored, std::size_t each) {
  const std::string ordered = transposed(stored, stored.size() / each, each);
  uLongf size = compressBound(ordered.size());
  std::string out(size + 4, '\0');
  const int status =
      compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                reinterpret_cast<const Bytef*>(ordered.data()), ordered.size(), kDeflateLevel);
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  if (status != Z_OK) fail_in("run file", "zlib cannot compress");
  out.resize(size);
  const std::uint32_t sum = fletcher32(out);
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(sum >> shift);
  return out;
}

std::string unfiltered(std::string_view chunk, std::size_t each, std::size_t count) {
  constexpr std::size_t kSum = 4;
  const auto bad = [] { fail(Exit::data, "a block of recorded values is damaged"); };
  if (chunk.size() < kSum) bad();
  const std::string_view deflated = chunk.substr(0, chunk.size() - kSum);
  std::uint32_t sum = 0;
  std::memcpy(&sum, chunk.data() + deflated.size(), kSum);
  std::string ordered(count * each, '\0');
  uLongf size = ordered.size();
  if (sum != fletcher32(deflated)) bad();
  const int status = uncompress(reinterpret_cast<Bytef*>(ordered.data()), &size,
                                reinterpret_cast<const Bytef*>(deflated.data()), deflated.size());
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  if (status != Z_OK || size != ordered.size()) bad();
  return transposed(ordered, each, count);
}

std::string leaf_of(std::string_view stored) {
  Sha256 sum;
  sum.add(stored);
  return sum.bytes();
}

}  // namespace moesim
