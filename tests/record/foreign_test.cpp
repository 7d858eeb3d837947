// Files that were cut off, damaged, or made by somebody else. The reader must answer with one line,
// whatever HDF5 does.
#include "sim/core/error.hpp"
#include "sim/record/hdf5.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <random>
#include <sys/stat.h>

namespace moesim::testing {
namespace {

using hdf5::Handle;

// "" if the file was read, else the reason.
std::string problem_of(const std::string& path) {
  try {
    read_run_file(path);
  } catch (const Error& error) {
    const std::string message = error.what();
    REQUIRE(error.code() == Exit::data);
    const std::string beginning = path + ": not a readable run file: ";
    REQUIRE(message.starts_with(beginning));
    REQUIRE(message.find('\n') == std::string::npos);
    return message.substr(beginning.size());
  }
  return "";
}

Handle new_file(const std::string& path) {
  return {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose, "create"};
}

// A file with one dataset "x", whatever its properties and type say.
void write_dataset(const std::string& path, const std::vector<hsize_t>& shape,
                   hid_t properties = H5P_DEFAULT, hid_t type = H5T_NATIVE_DOUBLE) {
  const Handle file = new_file(path);
  const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                     H5Sclose, "space");
  const Handle dataset(H5Dcreate2(file, "x", type, space, H5P_DEFAULT, properties, H5P_DEFAULT),
                       H5Dclose, "dataset");
}

Handle chunked(const std::vector<hsize_t>& chunk) {
  Handle properties = hdf5::property_list(H5P_DATASET_CREATE);
  H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data());
  return properties;
}

TEST_CASE("foreign files: not there, no file, not HDF5", "[record][foreign]") {
  const TemporaryFolder folder;
  REQUIRE(problem_of(folder / "missing.h5") == "no such file");
  REQUIRE(problem_of(folder / "") == "not a file");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  REQUIRE(problem_of(folder / "fifo") == "not a file");
  write_bytes(folder / "empty", "");
  REQUIRE(problem_of(folder / "empty") != "");
  write_bytes(folder / "text", std::string(5000, 'x'));
  REQUIRE(problem_of(folder / "text") == "file signature not found");
}

TEST_CASE("foreign files: cut off anywhere", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  sample().publish(path);
  const std::string whole = read_bytes(path);
  for (std::size_t size = 0; size < whole.size(); size += 509) {
    write_bytes(path, whole.substr(0, size));
    INFO(size);
    REQUIRE(problem_of(path) != "");
  }
}

TEST_CASE("foreign files: bits flipped anywhere", "[record][foreign]") {
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
    problem_of(path);  // read or refused, but never a crash
  }
}

TEST_CASE("foreign files: values that were changed fail their checksum", "[record][foreign]") {
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
  REQUIRE(problem_of(path) != "");
}

TEST_CASE("foreign files: links that lead elsewhere", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  {
    const Handle file = new_file(path);
    SECTION("soft") { H5Lcreate_soft("/x", file, "link", H5P_DEFAULT, H5P_DEFAULT); }
    SECTION("external") {
      H5Lcreate_external("/etc/other.h5", "/x", file, "link", H5P_DEFAULT, H5P_DEFAULT);
    }
  }
  REQUIRE(problem_of(path) == "has soft or external links");
}

TEST_CASE("foreign files: storage in other files", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  const Handle properties = hdf5::property_list(H5P_DATASET_CREATE);
  SECTION("external") {
    H5Pset_external(properties, "/etc/passwd", 0, 80);
    write_dataset(path, {10}, properties);
    REQUIRE(problem_of(path) == "a variable is stored in other files (external storage)");
  }
  SECTION("virtual") {
    const hsize_t size = 10;
    const Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose, "space");
    H5Pset_virtual(properties, space, "other.h5", "x", space);
    write_dataset(path, {10}, properties);
    REQUIRE(problem_of(path) == "a variable is stored in other files (virtual storage)");
  }
}

TEST_CASE("foreign files: more than their size can hold", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  SECTION("a terabyte") {
    write_dataset(path, {hsize_t{1} << 37}, chunked({1 << 20}));
    REQUIRE(problem_of(path) == "declares more data than its size can hold");
  }
  SECTION("a product that overflows") {
    write_dataset(path, {hsize_t{1} << 32, hsize_t{1} << 31}, chunked({1024, 1024}));
    REQUIRE(problem_of(path) == "declares more data than its size can hold");
  }
  SECTION("a terabyte, but for an axis of length 0") {
    write_dataset(path, {hsize_t{1} << 37, 0});
    REQUIRE(problem_of(path) == "declares more data than its size can hold");
  }
  SECTION("a million chunks") {
    write_dataset(path, {1 << 20}, chunked({1}));
    std::ofstream(path, std::ios::app) << std::string(20000, ' ');
    REQUIRE(problem_of(path) == "a variable has too many chunks");
  }
}

TEST_CASE("foreign files: filters, types and ranks that run files do not have",
          "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  SECTION("another filter") {
    const Handle properties = chunked({10});
    H5Pset_scaleoffset(properties, H5Z_SO_FLOAT_DSCALE, 2);
    write_dataset(path, {10}, properties);
    REQUIRE(problem_of(path) ==
            "a variable uses filter 6; only deflate, shuffle and fletcher32 are read");
  }
  SECTION("another type") {
    write_dataset(path, {10}, H5P_DEFAULT, H5T_STD_U16LE);
    REQUIRE(problem_of(path) == "x is none of float32, float64, int32, int64, text");
  }
  SECTION("five dimensions") {
    write_dataset(path, {1, 1, 1, 1, 1});
    REQUIRE(problem_of(path) == "a variable has too many dimensions");
  }
  SECTION("axes without names") {
    write_dataset(path, {2, 2});
    REQUIRE(problem_of(path) == "x has no named dimensions");
  }
}

TEST_CASE("foreign files: one long text, referred to many times", "[record][foreign]") {
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
  REQUIRE(problem_of(folder / "many.h5") != "");
}

TEST_CASE("foreign files: what others add is left alone", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  sample().publish(path);
  {
    const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open");
    const Handle group(H5Gcreate2(file, "notes", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
                       "group");
    H5Lcreate_soft("/etc", group, "link", H5P_DEFAULT, H5P_DEFAULT);  // nobody follows it
    const hsize_t two = 2;
    const Handle space(H5Screate_simple(1, &two, nullptr), H5Sclose, "space");
    const Handle attribute(
        H5Acreate2(file, "pair", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
        "pair");
  }
  const RunFile read = read_run_file(path);
  REQUIRE(read.variables().size() == sample().variables().size());
  REQUIRE(read.attributes().count("pair") == 0);
}

}  // namespace
}  // namespace moesim::testing
