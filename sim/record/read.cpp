#include "sim/core/error.hpp"
#include "sim/io/file.hpp"
#include "sim/record/decode.hpp"
#include "sim/record/isolate.hpp"
#include "sim/record/limits.hpp"
#include "sim/record/mistaken.hpp"
#include "sim/record/pack.hpp"
#include "sim/record/reader.hpp"
#include "sim/record/run_file.hpp"

#include <exception>
#include <new>

namespace moesim {

namespace {

RunFile read_whole(const std::string& path, Traces traces) {
  try {
    const std::uint64_t size = size_of_file(path);
    // Memory for every value as stored, as a double, and packed for the pipe.
    const std::uint64_t declarable = declarable_bytes(size);
    const Allowance allowance{.cpu_seconds = 2 + (declarable >> 27),
                              .bytes = 5 * declarable + (std::uint64_t{512} << 20)};
    return unpack(isolated(allowance, [&] { return pack(decode(path, traces)); }));
  } catch (const std::bad_alloc&) {
    throw;  // not the file's fault
  } catch (const Shortage&) {
    throw;  // not the file's fault either
  } catch (const std::exception& problem) {
    const std::string mistaken = mistaken_file(path);
    fail(Exit::data,
         path + ": not a readable run file: " + (mistaken.empty() ? problem.what() : mistaken));
  }
}

}  // namespace

RunFile read_run_file(const std::string& path) { return read_whole(path, Traces::with); }

RunFile read_run_file_but_traces(const std::string& path) {
  return read_whole(path, Traces::without);
}

}  // namespace moesim
