#include "sim/core/error.hpp"
#include "sim/record/decode.hpp"
#include "sim/record/isolate.hpp"
#include "sim/record/limits.hpp"
#include "sim/record/pack.hpp"
#include "sim/record/run_file.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <new>

namespace moesim {
namespace {

// Checked here as well as by HDF5, because opening a pipe or a device can block.
std::uint64_t size_of_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw std::runtime_error("no such file");
  if (!std::filesystem::is_regular_file(status)) throw std::runtime_error("not a file");
  return std::filesystem::file_size(path);
}

}  // namespace

RunFile read_run_file(const std::string& path) {
  try {
    const std::uint64_t size = size_of_file(path);
    // Every value as stored, as a double, and packed for the way back.
    const std::uint64_t declarable = declarable_bytes(size);
    const Allowance allowance{.cpu_seconds = 2 + (declarable >> 27),
                              .bytes = 5 * declarable + (std::uint64_t{512} << 20)};
    return unpack(isolated(allowance, [&] { return pack(decode(path)); }));
  } catch (const std::bad_alloc&) {
    throw;  // that is no fault of the file
  } catch (const std::exception& problem) {
    fail(Exit::data, path + ": not a readable run file: " + problem.what());
  }
}

}  // namespace moesim
