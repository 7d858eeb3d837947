// Tests reading parts of run files, and whole ones slice by slice, with one child process for many
// files.
#include "sim/record/reader.hpp"

#include "sim/core/error.hpp"
#include "sim/io/sha256.hpp"
#include "sim/record/hdf5.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hdf5_hl.h>

#include <csignal>
#include <random>
#include <unistd.h>

namespace moesim::testing {
namespace {

using hdf5::Handle;
using Type = Variable::Type;

const Excerpt kPart{{"status", "seed", "missing"}, {{"step", 1}, {"demand", 2}, {"none", 1}}};

TEST_CASE("reader: the last rows of some variables, and some attributes", "[record][reader]") {
  const TemporaryFolder folder;
  sample(5).publish(folder / "run.h5");
  RunReader reader;
  const RunFile read = reader.read(folder / "run.h5", kPart);
  CHECK(read.attribute_order() == std::vector<std::string>{"status", "seed"});
  CHECK(read.text("status") == "complete");
  CHECK(read.variables().size() == 2);
  CHECK(read.find("step")->values == std::vector<double>{5});
  CHECK(read.find("demand")->shape == std::vector<std::int64_t>{2, 2, 3});
  CHECK(read.find("demand")->values == std::vector<double>{3, 2, 1, 0, 4, 2, 3, 2, 1, 0, 4, 2});
  CHECK(reader.read(folder / "run.h5", {{}, {{"step", 100}}}).find("step")->values.size() == 5);
  CHECK(reader.read(folder / "run.h5", {}).attributes().size() == 9);
}

TEST_CASE("reader: labels are read whole, or not at all", "[record][reader]") {
  const TemporaryFolder folder;
  sample(2).publish(folder / "run.h5");
  RunReader reader;
  const RunFile read = reader.read(folder / "run.h5", {{"status"}, {{"aux", 2}}});
  REQUIRE(read.find("aux") != nullptr);
  CHECK(read.find("aux")->texts == std::vector<std::string>{"balance", ""});
  CHECK(reader.read(folder / "run.h5", {{"status"}, {{"aux", 1}}}).find("aux") == nullptr);
}

TEST_CASE("reader: variables of one dimension are as long as each other and its labels",
          "[record][reader]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  for (const hsize_t size : {1, 2, 3}) {
    RunFile run = sample(2);
    run.put(variable("label", Type::int64, {"label"}, {2}, {0, 1}));
    run.put(variable("x", Type::float64, {"label"}, {2}, {1, 2}));
    run.publish(path);
    {
      const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open");
      REQUIRE(H5Ldelete(file, "x", H5P_DEFAULT) >= 0);
      const Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose, "space");
      const Handle dataset(
          H5Dcreate2(file, "x", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
          H5Dclose, "dataset");
      const Handle labels(H5Dopen2(file, "label", H5P_DEFAULT), H5Dclose, "labels");
      REQUIRE(H5DSattach_scale(dataset, labels, 0) >= 0);
    }
    RunReader reader;
    if (size == 2) {
      CHECK(reader.read(path, {{}, {{"x", 9}}}).find("x")->values.size() == 2);
      continue;
    }
    try {
      reader.read(path, {{}, {{"x", 9}}});
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.code() == Exit::data);
      CHECK_THAT(error.what(),
                 contains(fmt::format("dimension label is 2 long in label and {} in x", size)));
    }
  }
}

// A variable of zeros that deflate makes a thousand times smaller, in the place of "step".
void write_bomb(const std::string& path, hsize_t megabytes) {
  const Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose,
                    "create");
  const hsize_t chunk = 1 << 17, size = megabytes * chunk;
  const Handle properties = hdf5::property_list(H5P_DATASET_CREATE);
  H5Pset_chunk(properties, 1, &chunk);
  H5Pset_deflate(properties, 1);
  const Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose, "space");
  const Handle dataset(
      H5Dcreate2(file, "step", H5T_STD_I64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT),
      H5Dclose, "dataset");
  const Handle digest(H5Acreate2(file, "sha256_blocks", hdf5::text_type(), hdf5::scalar_space(),
                                 H5P_DEFAULT, H5P_DEFAULT),
                      H5Aclose, "attribute");
  const char* text = "another";
  REQUIRE(H5Awrite(digest, hdf5::text_type(), &text) >= 0);
  const std::vector<std::int64_t> zeros(chunk, 0);
  const Handle memory(H5Screate_simple(1, &chunk, nullptr), H5Sclose, "space");
  for (hsize_t at = 0; at < size; at += chunk) {
    H5Sselect_hyperslab(space, H5S_SELECT_SET, &at, nullptr, &chunk, nullptr);
    REQUIRE(H5Dwrite(dataset, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, zeros.data()) >= 0);
  }
}

TEST_CASE("reader: an excerpt takes memory for what is asked for, whatever the file declares",
          "[record][reader][long]") {
  const TemporaryFolder folder;
  // More than the child may have: it is killed if it holds all of it.
  write_bomb(folder / "run.h5", 640);
  RunReader reader;
  CHECK(reader.read(folder / "run.h5", kPart).find("step")->values == std::vector<double>{0});
  CHECK_THROWS_WITH(reader.check(folder / "run.h5"), contains("damaged (its SHA-256)"));
  CHECK_THROWS_WITH(reader.read(folder / "run.h5", {{}, {{"step", std::int64_t{1} << 40}}}),
                    contains("declares more data than its size can hold"));
}

int child_of_this_process() {
  std::ifstream children(fmt::format("/proc/self/task/{}/children", ::gettid()));
  int pid = 0;
  REQUIRE(children >> pid);
  return pid;
}

TEST_CASE("reader: a child that died, or refused a file, is replaced", "[record][reader]") {
  const TemporaryFolder folder;
  sample(3).publish(folder / "good.h5");
  write_bytes(folder / "bad.h5", "no HDF5");
  RunReader reader;
  reader.read(folder / "good.h5", kPart);
  const int first = child_of_this_process();
  reader.read(folder / "good.h5", kPart);
  CHECK(child_of_this_process() == first);  // one for both
  ::kill(first, SIGKILL);
  CHECK(reader.read(folder / "good.h5", kPart).text("status") == "complete");
  const int second = child_of_this_process();
  CHECK(second != first);
  CHECK_THROWS_WITH(reader.read(folder / "bad.h5", kPart),
                    contains("bad.h5: not a readable run file: it is a text file"));
  CHECK_THROWS_WITH(reader.read(folder / "gone.h5", kPart), contains("no such file"));
  CHECK(reader.read(folder / "good.h5", kPart).text("status") == "complete");
  CHECK(child_of_this_process() != second);
}

TEST_CASE("reader: a sound file between damaged ones is read", "[record][reader]") {
  const TemporaryFolder folder;
  sample(3).publish(folder / "good.h5");
  const std::string whole = read_bytes(folder / "good.h5");
  std::mt19937 random(2);
  RunReader reader;
  for (int i = 0; i < 100; ++i) {
    std::string damaged = whole;
    for (int flips = 1 + i % 4; flips > 0; --flips)
      damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
    write_bytes(folder / "bad.h5", damaged);
    try {
      reader.read(folder / "bad.h5", kPart);
    } catch (const Error& error) {
      REQUIRE(error.code() == Exit::data);
    }
    REQUIRE(reader.read(folder / "good.h5", kPart).find("step")->values == std::vector<double>{3});
  }
}

// Changes the values of a variable, with checksums and all.
void overwrite(const std::string& path, const char* name, const std::vector<double>& values) {
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open");
  const Handle dataset(H5Dopen2(file, name, H5P_DEFAULT), H5Dclose, "dataset");
  REQUIRE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
}

TEST_CASE("reader: every value is checked", "[record][reader]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  sample(3).publish(path);
  RunReader reader;
  CHECK(reader.check(path).attributes.text("status") == "complete");
  overwrite(path, "loss", {0.25, 0.25, 0.25});
  CHECK_THROWS_WITH(reader.check(path), contains("damaged (its SHA-256)"));
  overwrite(path, "dropped", {1, 1, 1, 1, 1, 0});
  CHECK_THROWS_WITH(reader.check(path), contains("conservation violated at record 2, layer 1"));
}

// As netCDF-4 and what writes as it does say who wrote a file.
void sign(const std::string& path, const std::string& text) {
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open");
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "type");
  H5Tset_size(type, text.size());
  const Handle attribute(
      H5Acreate2(file, "_NCProperties", type, hdf5::scalar_space(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, "attribute");
  REQUIRE(H5Awrite(attribute, type, text.data()) >= 0);
}

TEST_CASE("reader: a file that another program has rewritten is no damaged one",
          "[record][reader]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  sample(3).publish(path);
  RunReader reader;
  CHECK(reader.check(path).rewritten_by.empty());
  sign(path, "version=2,netcdf=4.9.0,hdf5=1.12.2");
  CheckedRun checked = reader.check(path);
  CHECK(checked.rewritten_by == "netcdf 4.9.0");
  CHECK(checked.digest_holds);
  overwrite(path, "loss", {0.25, 0.25, 0.25});
  checked = reader.check(path);
  CHECK(checked.rewritten_by == "netcdf 4.9.0");
  CHECK_FALSE(checked.digest_holds);
  CHECK(checked.attributes.text("status") == "complete");
  // What adds up is checked all the same.
  overwrite(path, "dropped", {1, 1, 1, 1, 1, 0});
  CHECK_THROWS_WITH(reader.check(path), contains("conservation violated at record 2, layer 1"));
  // The text may be anything.
  for (const char* text : {"version=2,\033[2J", "x", ",", "version=2,"}) {
    const std::string other = folder / "other.h5";
    sample(1).publish(other);
    sign(other, text);
    const std::string writer = reader.check(other).rewritten_by;
    CHECK((writer == "an unknown library" || writer == "x"));
  }
}

// As versions before had it: all values of a variable as one, numbers as doubles but for float32.
std::string earlier_digest(const RunFile& run) {
  std::string all;
  for (const auto& [name, value] : run.attributes()) {
    if (name == "moesim_schema") continue;
    all += name + "=" + std::visit([](const auto& v) { return fmt::format("{}\n", v); }, value);
  }
  std::map<std::string, const Variable*> by_name;
  for (const Variable& variable : run.variables()) by_name[variable.name] = &variable;
  for (const auto& [name, variable] : by_name) {
    all += fmt::format("{} {} {}\n{}\n{}\n", name, fmt::join(variable->dims, ","),
                       fmt::join(variable->shape, ","), variable->long_name, variable->units);
    for (const std::string& text : variable->texts) all += text + "\n";
    const bool narrow = variable->type == Type::float32;
    for (const double value : variable->values) {
      const auto single = static_cast<float>(value);
      if (narrow)
        all.append(reinterpret_cast<const char*>(&single), sizeof single);
      else
        all.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }
  return sha256_hex(all.data(), all.size());
}

TEST_CASE("reader: files of earlier versions have another digest", "[record][reader]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  const RunFile run = sample(3);
  run.publish(path);
  const auto replace_digest = [&](const std::string& digest) {
    const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open");
    for (const char* name : {"sha256_blocks", "sha256"})
      if (H5Aexists(file, name) > 0) H5Adelete(file, name);
    const Handle attribute(H5Acreate2(file, "sha256", hdf5::text_type(), hdf5::scalar_space(),
                                      H5P_DEFAULT, H5P_DEFAULT),
                           H5Aclose, "attribute");
    const char* text = digest.c_str();
    REQUIRE(H5Awrite(attribute, hdf5::text_type(), &text) >= 0);
  };
  RunReader reader;
  replace_digest(earlier_digest(run));
  CHECK_NOTHROW(reader.check(path));
  replace_digest(std::string(64, '0'));
  CHECK_THROWS_WITH(reader.check(path), contains("damaged (its SHA-256)"));
}

}  // namespace
}  // namespace moesim::testing
