// Tests run files with what other programs write: further objects, other types of numbers, texts of fixed length.
#include "tests/record/foreign_files.hpp"

namespace moesim::testing {
namespace {

using hdf5::Handle;

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
    REQUIRE_THAT(refusal_of(path), contains("only those up to 2^53 are read"));
  }
  write_integer(path, H5T_STD_U64LE, ~std::uint64_t{0});
  REQUIRE_THAT(refusal_of(path), contains("only those up to 2^53 are read"));
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
