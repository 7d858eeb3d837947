// Writes the binary seeds: fuzz_write_seeds FOLDER makes FOLDER/TARGET/*.
#include "sim/checkpoint/safetensors.hpp"
#include "sim/record/pack.hpp"
#include "tests/data/binary.hpp"
#include "tests/record/samples.hpp"

#include <zlib.h>

#include <cstdio>
#include <cstdlib>

namespace moesim::testing {
namespace {

const std::string kImages("\0\0\10\3\0\0\0\2\0\0\0\2\0\0\0\2abcdefgh", 24);
const std::string kLabels("\0\0\10\1\0\0\0\3\0\1\2", 11);

void write_gzipped(const std::string& path, const std::string& bytes) {
  const gzFile file = ::gzopen(path.c_str(), "wb");
  const bool written =
      file != nullptr && ::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) ==
                             static_cast<int>(bytes.size());
  if (!written || ::gzclose(file) != Z_OK) std::abort();
}

void write_idx(const std::string& folder) {
  std::filesystem::create_directories(folder);
  write_bytes(folder + "/images", kImages);
  write_bytes(folder + "/labels", kLabels);
  write_gzipped(folder + "/images.gz", kImages);
  write_gzipped(folder + "/labels.gz", kLabels);
}

void write_foreign_files(const std::string& folder) {
  std::filesystem::create_directories(folder);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < 64; ++i) ids.push_back(7 * i % 40);
  write_bytes(folder + "/ids", little(ids, 2));
  write_bytes(folder + "/array", npy("<i4", "(8, 8)", little(ids, 4)));
  write_bytes(folder + "/images", npy("|u1", "(2, 4, 4, 2)", little(ids, 1)));
  write_bytes(folder + "/index", megatron_index(8, {20, 0, 44}, {0, 40, 40}, {0, 1, 3}));
  write_bytes(folder + "/lines",
              "{\"text\": \"a \\u00e4\", \"meta\": {\"set\": \"x y\"}}\n{\"text\": "
              "\"b\", \"meta\": {\"set\": 1}}\n");
  write_gzipped(folder + "/gzip", "a text of a few words and a few more words");
}

RunFile single(Variable::Type type) {
  RunFile run;
  run.attribute("status", "complete");
  run.put(variable("x", type, {"row", "column"}, {2, 2}, {1, 2, 3, 4}));
  return run;
}

void write_run_files(const std::string& folder) {
  std::filesystem::create_directories(folder);
  sample().publish(folder + "/sample");
  RunFile{}.publish(folder + "/empty");
  single(Variable::Type::float32).publish(folder + "/float32");
  single(Variable::Type::int64).publish(folder + "/int64");
}

void write_safetensors(const std::string& path, const TensorFile& file) {
  std::string header, bytes;
  for (const std::string_view piece : safetensors_pieces(file, header)) bytes += piece;
  write_bytes(path, bytes);
  const std::string data = bytes.substr(header.size());
  write_bytes(path + "_framed", header.substr(sizeof(std::uint64_t)) + '\0' + data);
}

void write_safetensors_files(const std::string& folder) {
  std::filesystem::create_directories(folder);
  write_safetensors(folder + "/empty", {});
  write_safetensors(folder + "/state", {{{"step", "100"}, {"updates", "99"}},
                                        {{"adamw.m.head", "F32", {2, 1}, "abcdefgh"},
                                         {"none", "BF16", {3, 0}, ""},
                                         {"scalar", "F64", {}, "12345678"},
                                         {"counts", "I64", {1}, "87654321"},
                                         {"mask", "BOOL", {3}, std::string_view("\0\1\0", 3)}}});
}

}  // namespace
}  // namespace moesim::testing

int main(int count, char** words) {
  using namespace moesim::testing;
  if (count != 2) {
    std::fputs("usage: fuzz_write_seeds FOLDER\n", stderr);
    return 2;
  }
  const std::string folder = words[1];
  write_idx(folder + "/idx");
  write_foreign_files(folder + "/foreign_files");
  write_run_files(folder + "/run_file");
  std::filesystem::create_directories(folder + "/packed");
  write_bytes(folder + "/packed/sample", moesim::pack(sample()));
  write_safetensors_files(folder + "/safetensors");
  return 0;
}
