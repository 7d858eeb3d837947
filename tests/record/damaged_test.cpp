// Tests run files that are truncated, damaged or made to mislead: the reader answers with one line, whatever HDF5 does.
#include "tests/record/foreign_files.hpp"

#include <random>
#include <sys/stat.h>

namespace moesim::testing {
namespace {

using hdf5::Handle;

Handle chunked(const std::vector<hsize_t>& chunk) {
  Handle properties = hdf5::property_list(H5P_DATASET_CREATE);
  H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data());
  return properties;
}

TEST_CASE("damaged files: not there, no file, not HDF5", "[record][foreign]") {
  const TemporaryFolder folder;
  REQUIRE(refusal_of(folder / "missing.h5") == "no such file");
  REQUIRE(refusal_of(folder / "") == "not a file");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  REQUIRE(refusal_of(folder / "fifo") == "not a file");
  write_bytes(folder / "empty", "");
  REQUIRE(refusal_of(folder / "empty") != "");
  write_bytes(folder / "text", std::string(5000, 'x'));
  const std::string text =
      "it is a text file; name a run.h5, or the folder of a run or of an experiment";
  REQUIRE(refusal_of(folder / "text") == text);
  write_bytes(folder / "list.json", "[1, 2]\n{\"a=b\": [3]}\n");
  REQUIRE(refusal_of(folder / "list.json") == text);
  write_bytes(folder / "c.ini", "# what it is about\n[run]  # of it\r\nsteps = 4\n");
  REQUIRE(refusal_of(folder / "c.ini") ==
          "it is a config file; train its runs by moesim run, then name their folder: runs/NAME, "
          "or what --out said");
  write_bytes(folder / "picture", std::string("\x89PNG\r\n\x1a\n\0", 9));
  REQUIRE(refusal_of(folder / "picture") == "file signature not found");
}

TEST_CASE("damaged files: cut off anywhere", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  sample().publish(path);
  const std::string whole = read_bytes(path);
  for (std::size_t size = 0; size < whole.size(); size += 509) {
    write_bytes(path, whole.substr(0, size));
    INFO(size);
    REQUIRE(refusal_of(path) != "");
  }
}

TEST_CASE("damaged files: bits flipped anywhere", "[record][foreign][long]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  sample().publish(path);
  const std::string whole = read_bytes(path);
  std::mt19937 random(1);
  for (int i = 0; i < 150; ++i) {
    std::string damaged = whole;
    for (int flips = 1 + i % 4; flips > 0; --flips)
      damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
    write_bytes(path, damaged);
    refusal_of(path);  // read or refused, but never a crash
  }
}

TEST_CASE("damaged files: values that were changed fail their checksum", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  RunFile run;
  std::mt19937 random(1);
  std::vector<double> noise(20000);
  for (double& value : noise) value = static_cast<double>(random());
  run.put(variable("noise", Variable::Type::float64, {"x"}, {20000}, noise));
  run.publish(path);
  std::string bytes = read_bytes(path);
  bytes[bytes.size() / 2] ^= 1;  // noise does not compress: the middle of the file is data
  write_bytes(path, bytes);
  REQUIRE(refusal_of(path) != "");
}

TEST_CASE("damaged files: links that lead elsewhere", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  {
    const Handle file = new_file(path);
    SECTION("soft") { H5Lcreate_soft("/x", file, "link", H5P_DEFAULT, H5P_DEFAULT); }
    SECTION("external") {
      H5Lcreate_external("/etc/other.h5", "/x", file, "link", H5P_DEFAULT, H5P_DEFAULT);
    }
  }
  REQUIRE(refusal_of(path) == "has soft or external links");
}

TEST_CASE("damaged files: storage in other files", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  const Handle properties = hdf5::property_list(H5P_DATASET_CREATE);
  SECTION("external") {
    H5Pset_external(properties, "/etc/passwd", 0, 80);
    write_dataset(path, {10}, properties);
    REQUIRE(refusal_of(path) == "a variable is stored in other files (external storage)");
  }
  SECTION("virtual") {
    const hsize_t size = 10;
    const Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose, "space");
    H5Pset_virtual(properties, space, "other.h5", "x", space);
    write_dataset(path, {10}, properties);
    REQUIRE(refusal_of(path) == "a variable is stored in other files (virtual storage)");
  }
}

TEST_CASE("damaged files: more than their size can hold", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  SECTION("a terabyte") {
    write_dataset(path, {hsize_t{1} << 37}, chunked({1 << 20}));
    REQUIRE(refusal_of(path) == "declares more data than its size can hold");
  }
  SECTION("a product that overflows") {
    write_dataset(path, {hsize_t{1} << 32, hsize_t{1} << 31}, chunked({1024, 1024}));
    REQUIRE(refusal_of(path) == "declares more data than its size can hold");
  }
  SECTION("a terabyte, but for an axis of length 0") {
    write_dataset(path, {hsize_t{1} << 37, 0});
    REQUIRE(refusal_of(path) == "declares more data than its size can hold");
  }
  SECTION("millions of chunks") {
    write_dataset(path, {1 << 23}, chunked({1}));
    std::ofstream(path, std::ios::app) << std::string(70000, ' ');
    REQUIRE(refusal_of(path) == "a variable has too many chunks");
  }
  SECTION("a chunk that fills the memory") {
    write_dataset(path, {1 << 24}, chunked({1 << 24}));
    std::ofstream(path, std::ios::app) << std::string(200000, ' ');
    REQUIRE(refusal_of(path) == "a variable has chunks that are too large");
  }
  SECTION("values that nobody wrote") {
    write_dataset(path, {1 << 20}, chunked({1 << 16}));
    std::ofstream(path, std::ios::app) << std::string(20000, ' ');
    REQUIRE(refusal_of(path) == "declares more data than it holds");
  }
}

TEST_CASE("damaged files: filters, types and ranks that run files do not have",
          "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  SECTION("another filter") {
    const Handle properties = chunked({10});
    H5Pset_scaleoffset(properties, H5Z_SO_FLOAT_DSCALE, 2);
    write_dataset(path, {10}, properties);
    REQUIRE(refusal_of(path) ==
            "a variable uses filter 6; only deflate, shuffle and fletcher32 are read");
  }
  SECTION("five dimensions") {
    write_dataset(path, {1, 1, 1, 1, 1});
    REQUIRE(refusal_of(path) == "a variable has too many dimensions");
  }
  SECTION("axes without names") {
    write_dataset(path, {2, 2});
    REQUIRE(refusal_of(path) == "x has no named dimensions");
  }
}

TEST_CASE("damaged files: one long text, referred to many times", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  {
    // 5,000 references to one object of the heap: 330 MB of text in a file of 150 KB.
    const Handle file = new_file(path);
    const Handle type = hdf5::text_type();
    const hsize_t size = 5000;
    const Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose, "space");
    Handle dataset(H5Dcreate2(file, "x", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                   H5Dclose, "dataset");
    const std::string text((1 << 16) - 64, 'x');
    std::vector<const char*> texts(size, "");
    texts[0] = text.c_str();
    REQUIRE(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()) >= 0);
    const auto at = H5Dget_offset(dataset);
    dataset.close("dataset");
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    std::string bytes = read_bytes(path);
    const std::string reference = bytes.substr(at, 16);
    for (std::size_t i = 1; i < size; ++i) bytes.replace(at + 16 * i, 16, reference);
    write_bytes(folder / "many.h5", bytes);
  }
  REQUIRE(refusal_of(folder / "many.h5") != "");
}

}  // namespace
}  // namespace moesim::testing
