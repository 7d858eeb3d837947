// Fuzzes the reply of the child process that reads a foreign run file: a file that takes over that
// process can send anything.
#include "sim/record/pack.hpp"
#include "tests/fuzz/support.hpp"

#include <exception>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moesim;
  try {
    const RunFile run = unpack(std::string(fuzz::text_of(data, size)));
    const std::string bytes = pack(run);
    fuzz::expect(pack(unpack(bytes)) == bytes, "what was packed unpacks to itself");
  } catch (const std::exception&) {  // read_run_file makes one line of it
  }
  return 0;
}
