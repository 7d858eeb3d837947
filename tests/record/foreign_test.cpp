// Tests run files that are truncated, damaged, or written by other programs: the reader answers
// with one line, whatever HDF5 does.
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
  const std::string text =
      "it is a text file; name a run.h5, or the folder of a run or of an experiment";
  REQUIRE(problem_of(folder / "text") == text);
  write_bytes(folder / "list.json", "[1, 2]\n{\"a=b\": [3]}\n");
  REQUIRE(problem_of(folder / "list.json") == text);
  write_bytes(folder / "c.ini", "# what it is about\n[run]  # of it\r\nsteps = 4\n");
  REQUIRE(problem_of(folder / "c.ini") ==
          "it is a config file; train its runs by moesim run, then name their folder: runs/NAME, "
          "or what --out said");
  write_bytes(folder / "picture", std::string("\x89PNG\r\n\x1a\n\0", 9));
  REQUIRE(problem_of(folder / "picture") == "file signature not found");
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
  SECTION("millions of chunks") {
    write_dataset(path, {1 << 23}, chunked({1}));
    std::ofstream(path, std::ios::app) << std::string(70000, ' ');
    REQUIRE(problem_of(path) == "a variable has too many chunks");
  }
  SECTION("a chunk that fills the memory") {
    write_dataset(path, {1 << 24}, chunked({1 << 24}));
    std::ofstream(path, std::ios::app) << std::string(200000, ' ');
    REQUIRE(problem_of(path) == "a variable has chunks that are too large");
  }
  SECTION("values that nobody wrote") {
    write_dataset(path, {1 << 20}, chunked({1 << 16}));
    std::ofstream(path, std::ios::app) << std::string(20000, ' ');
    REQUIRE(problem_of(path) == "declares more data than it holds");
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

TEST_CASE("foreign files: integers of other widths, and types that are not read",
          "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  SECTION("16 bits") {
    write_dataset(path, {10}, H5P_DEFAULT, H5T_STD_U16LE);
    const Variable read = *read_run_file(path).find("x");
    REQUIRE(read.type == Variable::Type::int32);
    REQUIRE(read.values == std::vector<double>(10, 0));
  }
  SECTION("opaque") {
    const Handle type(H5Tcreate(H5T_OPAQUE, 3), H5Tclose, "type");
    write_dataset(path, {10}, H5P_DEFAULT, type);
    REQUIRE(read_run_file(path).variables().empty());
  }
}

// A file with one 64-bit integer.
void write_integer(const std::string& path, hid_t type, std::uint64_t value) {
  const Handle file = new_file(path);
  const Handle dataset(
      H5Dcreate2(file, "x", type, hdf5::scalar_space(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      H5Dclose, "dataset");
  REQUIRE(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) >= 0);
}

TEST_CASE("foreign files: an integer that a double cannot hold is refused, never rounded",
          "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  constexpr std::uint64_t kMost = std::uint64_t{1} << 53;
  write_integer(path, H5T_STD_I64LE, kMost);
  REQUIRE(read_run_file(path).find("x")->values == std::vector<double>{0x1p53});
  for (const std::uint64_t value : {kMost + 1, ~kMost}) {
    write_integer(path, H5T_STD_I64LE, value);
    REQUIRE_THAT(problem_of(path), contains("only those up to 2^53 are read"));
  }
  write_integer(path, H5T_STD_U64LE, ~std::uint64_t{0});
  REQUIRE_THAT(problem_of(path), contains("only those up to 2^53 are read"));
}

// --- Texts as other libraries write them ---------------------------------------------------------

Handle fixed_text(std::size_t size, H5T_str_t padding, H5T_cset_t characters) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "type");
  H5Tset_size(type, size);
  H5Tset_strpad(type, padding);
  H5Tset_cset(type, characters);
  return type;
}

void write_attribute(hid_t file, const char* name, hid_t type, hid_t space, const void* value) {
  const Handle attribute(H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                         "attribute");
  REQUIRE(H5Awrite(attribute, type, value) >= 0);
}

TEST_CASE("foreign files: attributes as other libraries write them", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  {
    const Handle file = new_file(path);
    const Handle scalar = hdf5::scalar_space();
    const hsize_t one = 1;
    const Handle list(H5Screate_simple(1, &one, nullptr), H5Sclose, "space");
    const char text[] = "dense\0\0\0", spaces[] = "dense   ";
    write_attribute(file, "terminated", fixed_text(8, H5T_STR_NULLTERM, H5T_CSET_ASCII), scalar,
                    text);
    write_attribute(file, "padded", fixed_text(8, H5T_STR_NULLPAD, H5T_CSET_UTF8), scalar, text);
    write_attribute(file, "spaces", fixed_text(8, H5T_STR_SPACEPAD, H5T_CSET_ASCII), list, spaces);
    write_attribute(file, "full", fixed_text(5, H5T_STR_NULLPAD, H5T_CSET_ASCII), scalar, text);
    Handle ascii(H5Tcopy(H5T_C_S1), H5Tclose, "type");
    H5Tset_size(ascii, H5T_VARIABLE);
    const char* pointer = text;
    write_attribute(file, "ascii", ascii, list, &pointer);
    const std::int32_t narrow = -7;
    write_attribute(file, "int32", H5T_NATIVE_INT32, list, &narrow);
    const std::uint8_t byte = 200;
    write_attribute(file, "uint8", H5T_NATIVE_UINT8, scalar, &byte);
    const float real = 0.5F;
    write_attribute(file, "float32", H5T_NATIVE_FLOAT, scalar, &real);
    const std::uint64_t huge = ~std::uint64_t{0};
    write_attribute(file, "huge", H5T_NATIVE_UINT64, scalar, &huge);
    write_attribute(file, "other name", H5T_NATIVE_UINT8, scalar, &byte);
  }
  const RunFile read = read_run_file(path);
  for (const char* name : {"terminated", "padded", "spaces", "full", "ascii"}) {
    CAPTURE(name);
    CHECK(read.text(name) == "dense");
  }
  CHECK(read.attributes().at("int32") == Attribute(std::int64_t{-7}));
  CHECK(read.attributes().at("uint8") == Attribute(std::int64_t{200}));
  CHECK(read.attributes().at("float32") == Attribute(0.5));
  CHECK(read.attributes().count("huge") == 0);  // would be another number
  CHECK(read.attributes().count("other name") == 0);
}

TEST_CASE("foreign files: a variable of texts of fixed length", "[record][foreign]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  {
    const Handle file = new_file(path);
    const hsize_t two = 2;
    const Handle space(H5Screate_simple(1, &two, nullptr), H5Sclose, "space");
    const Handle type = fixed_text(7, H5T_STR_NULLPAD, H5T_CSET_ASCII);
    const Handle dataset(
        H5Dcreate2(file, "aux", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose, "x");
    REQUIRE(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, "balancez\0\0\0\0\0\0") >= 0);
  }
  REQUIRE(read_run_file(path).find("aux")->texts == std::vector<std::string>{"balance", "z"});
}

}  // namespace
}  // namespace moesim::testing
