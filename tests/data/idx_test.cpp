// Tests the IDX format: patches, labels, splits, broken files.
#include "tests/data/support.hpp"

#include <zlib.h>

#include <cmath>
#include <set>
#include <sys/stat.h>
#include <vector>

namespace moesim::testing {
namespace {

using Values = std::map<std::string, std::string>;

std::string words(const std::vector<std::uint32_t>& values) {
  std::string bytes;
  for (const std::uint32_t value : values)
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

// Image i of `count` has the pixels 10 i, 10 i + 1, ...
std::string images(std::uint32_t count, std::uint32_t height = 2, std::uint32_t width = 4) {
  std::string bytes = words({0x803, count, height, width});
  for (std::uint32_t i = 0; i < count; ++i)
    for (std::uint32_t pixel = 0; pixel < height * width; ++pixel)
      bytes += static_cast<char>(10 * i + pixel);
  return bytes;
}

// Labels 0, 1, 2, 0, 1, 2, ...
std::string labels(std::uint32_t count) {
  std::string bytes = words({0x801, count});
  for (std::uint32_t i = 0; i < count; ++i) bytes += static_cast<char>(i % 3);
  return bytes;
}

std::string gzipped(const TempFolder& folder, const std::string& name, const std::string& bytes) {
  const gzFile file = ::gzopen(folder.path(name).c_str(), "wb");
  REQUIRE(::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) ==
          static_cast<int>(bytes.size()));
  REQUIRE(::gzclose(file) == Z_OK);
  return folder.path(name);
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Values small(const TempFolder& folder) {
  return {{"name", "idx"},
          {"images", folder.write("images", images(12))},
          {"labels", folder.write("labels", labels(12))},
          {"test", "3"},
          {"patch", "2"}};
}

}  // namespace

TEST_CASE("idx: patches, labels and domains of a file made by hand", "[data][idx]") {
  const TempFolder folder;
  Values options = small(folder);
  options["train"] = "1";
  const auto data = make_data(options);
  const DatasetInfo& info = data->info();
  CHECK(info.length == 2);
  CHECK(info.features == 4);
  CHECK(info.classes == 3);
  CHECK(info.vocabulary == 0);
  CHECK(info.train_size == 1);
  CHECK(info.validation_size == 3);
  CHECK(info.validation_rows == 3);
  CHECK(info.domains == std::vector<std::string>{"0", "1", "2"});

  // The only training image: rows 0 1 2 3 and 4 5 6 7; mean 3.5, variance (64 - 1) / 12 = 5.25.
  const Batch batch = data->batch(Split::train, 0, 0, 1);
  const std::vector<double> patches = {0, 1, 4, 5, 2, 3, 6, 7};
  REQUIRE(batch.features.size() == 8);
  for (std::size_t i = 0; i < 8; ++i)
    CHECK_THAT(batch.features[i], WithinAbs((patches[i] - 3.5) / std::sqrt(5.25), 1e-6));
  CHECK(batch.length == 2);
  CHECK(batch.targets == std::vector<std::int32_t>{0});
  CHECK(batch.domains == std::vector<std::int32_t>{0, 0});
  CHECK(batch.ids.empty());

  options["domains"] = "none";
  CHECK(make_data(options)->info().domains.empty());
  CHECK(make_data(options)->batch(Split::train, 0, 0, 1).domains.empty());
}

TEST_CASE("idx: training goes through epochs, validation is held out", "[data][idx]") {
  const TempFolder folder;
  const auto data = make_data(small(folder));
  check_is_function_of_seed_and_step(*data);
  const auto first_pixels = [&](Split split, index step, index size) {
    const Batch batch = data->batch(split, 0, step, size);
    std::vector<float> result;
    for (std::size_t i = 0; i < batch.features.size(); i += 8) result.push_back(batch.features[i]);
    return result;
  };
  // 9 examples in batches of 4: 9 batches are 4 epochs.
  std::multiset<float> train;
  for (index step = 0; step < 9; ++step)
    for (const float pixel : first_pixels(Split::train, step, 4)) train.insert(pixel);
  const std::set<float> kinds(train.begin(), train.end());
  CHECK(kinds.size() == 9);
  for (const float kind : kinds) CHECK(train.count(kind) == 4);
  // Validation: 3 examples, two batches, none of them seen in training.
  std::set<float> held_out;
  for (index step = 0; step < 2; ++step)
    for (const float pixel : first_pixels(Split::validation, step, 2)) held_out.insert(pixel);
  CHECK(held_out.size() == 3);
  for (const float pixel : held_out) CHECK(kinds.count(pixel) == 0);
  CHECK(data->batch(Split::validation, 0, 1, 2).batch == 1);
}

TEST_CASE("idx: gzip gives the same as plain", "[data][idx]") {
  const TempFolder folder;
  const Values plain = small(folder);
  Values compressed = plain;
  compressed["images"] = gzipped(folder, "images.gz", images(12));
  compressed["labels"] = gzipped(folder, "labels.gz", labels(12));
  const auto a = make_data(plain), b = make_data(compressed);
  CHECK(a->info().sha256 == b->info().sha256);
  CHECK(same(a->batch(Split::train, 0, 0, 4), b->batch(Split::train, 0, 0, 4)));
}

TEST_CASE("idx: validation files of their own", "[data][idx]") {
  const TempFolder folder;
  Values options = small(folder);
  options["test_images"] = folder.write("test_images", images(5));
  options["test_labels"] = folder.write("test_labels", labels(5));
  const auto data = make_data(options);
  CHECK(data->info().train_size == 12);
  CHECK(data->info().validation_size == 5);

  options["test_images"] = folder.write("test_images", images(5, 4, 4));
  const Failure shape = failure_of(options);
  CHECK(shape.code == Exit::data);
  CHECK_THAT(shape.message, contains("test: data.test_images = "));
  CHECK_THAT(shape.message,
             contains(options["test_images"] + ": expected images of 2 x 4 pixels as in " +
                      options["images"] + ", found 4 x 4"));
  options["test_images"] = folder.write("test_images", images(5));
  options["test_labels"] =
      folder.write("test_labels", words({0x801, 5}) + std::string("\0\1\2\3\0", 5));
  const Failure label = failure_of(options);
  CHECK(label.code == Exit::data);
  CHECK_THAT(label.message, contains("test: data.test_labels = "));
  CHECK_THAT(label.message,
             contains(options["test_labels"] + ": expected labels 0 .. 2, found 3 at example 3"));
  options.erase("test_labels");
  const Failure alone = failure_of(options);
  CHECK(alone.code == Exit::usage);
  CHECK_THAT(alone.message, contains("test images and test labels go together"));
}

TEST_CASE("idx: broken files are refused in one line", "[data][idx]") {
  const TempFolder folder;
  const auto refused = [&](const std::string& key, const std::string& path) {
    Values options = small(folder);
    options[key] = path;
    const Failure failure = failure_of(options);
    CHECK(failure.code == Exit::data);
    CHECK(failure.message.find('\n') == std::string::npos);
    CHECK(failure.message.starts_with("test: data." + key + " = "));
    const std::string begin = path + ": ";
    const std::size_t at = failure.message.rfind(begin);
    REQUIRE(at != std::string::npos);
    return failure.message.substr(at + begin.size());
  };
  const auto broken = [&](const std::string& bytes) {
    return refused("images", folder.write("broken", bytes));
  };

  CHECK(broken("") == "expected data, found an empty file");
  CHECK(broken("x") == "expected a header of 16 bytes, found 1");
  CHECK(broken(words({0x803, 3})) == "expected a header of 16 bytes, found 8");
  CHECK(broken(labels(12)) == "expected the magic number 0x00000803 of images, found 0x00000801");
  CHECK(broken("First Citizen:\nBefore we proceed") ==
        "expected the magic number 0x00000803 of images, found 0x46697273");
  CHECK(refused("labels", folder.write("broken", images(12))) ==
        "expected the magic number 0x00000801 of labels, found 0x00000803");
  CHECK(broken(words({0x803, 0, 2, 4})) == "expected images, found none");
  CHECK(broken(words({0x803, 1, 0, 4})) == "expected sides of 1 .. 4096 pixels, found 0");
  CHECK(broken(words({0x803, 1, 4, 0xffffffff})) ==
        "expected sides of 1 .. 4096 pixels, found 4294967295");
  CHECK(broken(words({0x803, 0xffffffff, 4096, 4096})) ==
        "expected at most 4294967296 bytes of data, found 4294967295 x 4096 x 4096 = "
        "72057594021150720 bytes of data, "
        "as its header says");
  // Claims 4 GiB, holds 8 bytes: must not ask for 4 GiB.
  CHECK(broken(words({0x803, 256, 4096, 4096}) + "12345678") ==
        "expected 256 x 4096 x 4096 = 4294967296 bytes of data, as its header says, found 8");
  CHECK(broken(images(12) + "x") ==
        "expected 12 x 2 x 4 = 96 bytes of data, as its header says, found more");
  CHECK(refused("labels", folder.write("broken", labels(11))) ==
        "expected 12 labels, one for each image of " + folder.path("images") + ", found 11");
  CHECK(refused("labels", folder.write("broken", words({0x801, 12}) + std::string(12, '\0'))) ==
        "expected labels of at least two classes, found only label 0");
  CHECK(broken(words({0x803, 12, 2, 4}) + std::string(96, '\7')) ==
        "expected images that differ, found the same value in every pixel");
  CHECK(broken("PK\x03\x04" + std::string(20, 'x')) ==
        "expected the magic number 0x00000803 of images, found 0x504b0304, a ZIP archive (.zip, "
        ".npz, .docx, a PyTorch file): unzip it first");
  CHECK(refused("images", "https://host/train-images") ==
        "cannot be opened: No such file or directory; a URL is not fetched: download it and name "
        "the file");
  CHECK(refused("images", folder.path("missing")) == "cannot be opened: No such file or directory");
  CHECK(refused("images", folder.path("")) == "expected a regular file, found a directory");
  REQUIRE(::mkfifo(folder.path("fifo").c_str(), 0600) == 0);
  CHECK(refused("labels", folder.path("fifo")) == "expected a regular file, found a FIFO");
}

TEST_CASE("idx: broken gzip files are refused", "[data][idx]") {
  const TempFolder folder;
  const std::string whole = contents(gzipped(folder, "images.gz", images(12)));
  const auto refused = [&](const std::string& bytes) {
    Values options = small(folder);
    options["images"] = folder.write("broken.gz", bytes);
    const Failure failure = failure_of(options);
    CHECK(failure.code == Exit::data);
    CHECK_THAT(failure.message, contains(options["images"] + ": expected"));
    return failure.message;
  };
  for (std::size_t bytes = 1; bytes < whole.size(); ++bytes) refused(whole.substr(0, bytes));
  CHECK_THAT(refused(whole.substr(0, whole.size() - 4)), contains("the end of the file"));
  std::string wrong_sum = whole;
  wrong_sum[whole.size() - 8] ^= 1;
  CHECK_THAT(refused(wrong_sum), contains("broken data"));
  refused(contents(gzipped(folder, "more.gz", images(12) + "x")));
}

TEST_CASE("idx: options that do not fit the files", "[data][idx]") {
  const TempFolder folder;
  const auto refused = [&](const Values& changes) {
    Values options = small(folder);
    for (const auto& [key, value] : changes) options[key] = value;
    const Failure failure = failure_of(options);
    CHECK(failure.code == Exit::usage);
    return failure.message;
  };
  CHECK_THAT(refused({{"images", ""}}), contains("data.images"));
  CHECK_THAT(refused({{"labels", ""}}), contains("data.labels"));
  CHECK_THAT(refused({{"patch", "3"}}),
             contains("data.patch = 3: does not divide the 2 x 4 pixels"));
  CHECK_THAT(refused({{"test", "12"}}), contains("data.test = 12: leaves nothing to train on"));
  CHECK_THAT(refused({{"train", "10"}}), contains("holds 9 examples that are not held out"));
  Values options = small(folder);
  options["classes"] = "2";
  const Failure label = failure_of(options);
  CHECK(label.code == Exit::data);
  CHECK_THAT(label.message, contains("test: data.labels = "));
  CHECK_THAT(label.message,
             contains(options["labels"] + ": expected labels 0 .. 1, found 2 at example 2"));
}

}  // namespace moesim::testing
