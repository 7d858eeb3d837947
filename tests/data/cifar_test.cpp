// Tests CIFAR files, and NumPy arrays as images.
#include "tests/data/binary.hpp"
#include "tests/data/support.hpp"

#include <cmath>
#include <numeric>

namespace moesim::testing {
namespace {

constexpr int kArea = 32 * 32;

// Image i is red 10 i, green 20 and blue the place of the pixel, all modulo 256.
std::string pixels(int i) {
  std::string bytes(kArea, static_cast<char>(10 * i));
  bytes += std::string(kArea, '\x14');
  for (int at = 0; at < kArea; ++at) bytes += static_cast<char>(at);
  return bytes;
}

std::string cifar_10(int first, int count) {
  std::string bytes;
  for (int i = first; i < first + count; ++i) bytes += static_cast<char>(i % 10) + pixels(i);
  return bytes;
}

std::string cifar_100(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i)
    bytes += std::string{static_cast<char>(i % 20), static_cast<char>(i % 100)} + pixels(i);
  return bytes;
}

std::unique_ptr<Dataset> cifar(std::map<std::string, std::string> values) {
  values.insert({"name", "cifar"});
  return make_data(values);
}

}  // namespace

TEST_CASE("cifar: a folder as it is unpacked", "[data][cifar]") {
  const TempFolder folder;
  for (int i = 1; i <= 5; ++i)
    folder.write("data_batch_" + std::to_string(i) + ".bin", cifar_10(4 * (i - 1), 4));
  folder.write("test_batch.bin", cifar_10(3, 6));
  folder.write("batches.meta.txt", "airplane\n");
  const auto data = cifar({{"path", folder.path("")}});
  const DatasetInfo& info = data->info();
  CHECK(info.length == 64);  // 8 x 8 patches of 4 x 4
  CHECK(info.features == 48);
  CHECK(info.classes == 10);
  CHECK(info.train_size == 20);
  CHECK(info.validation_rows == 6);
  CHECK(info.domains.size() == 10);
  check_is_function_of_seed_and_step(*data);
  // Red: 0, 10, ..., 190 have mean 95 and variance 100 (20² - 1) / 12; green never changes; blue is
  // 0 .. 255 four times, with mean 127.5 and variance (256² - 1) / 12.
  const Batch batch = data->batch(Split::validation, 0, 0, 6);
  for (std::size_t row = 0; row < 6; ++row) {
    const int label = batch.targets[row];  // of 3 .. 8, the images 3 .. 8
    const float* const patch = batch.features.data() + row * 64 * 48 + 48;  // the second of a row
    CHECK_THAT(patch[0], WithinAbs((10 * label - 95) / std::sqrt(100 * 399 / 12.0), 1e-6));
    CHECK(patch[1] == 0);
    CHECK_THAT(patch[2], WithinAbs((4 - 127.5) / std::sqrt(65535 / 12.0), 1e-6));    // pixel (0, 4)
    CHECK_THAT(patch[14], WithinAbs((36 - 127.5) / std::sqrt(65535 / 12.0), 1e-6));  // pixel (1, 4)
  }
}

TEST_CASE("cifar: 100 classes, or the 20 that they belong to", "[data][cifar]") {
  const TempFolder folder;
  const std::string path = folder.write("train.bin", cifar_100(200));
  folder.write("test.bin", cifar_100(40));
  const auto fine = cifar({{"path", folder.path("")}});
  CHECK(fine->info().classes == 100);
  CHECK(fine->info().validation_rows == 40);
  const auto coarse = cifar({{"path", path}, {"label", "coarse"}, {"test", "50"}, {"patch", "8"}});
  CHECK(coarse->info().classes == 20);
  CHECK(coarse->info().validation_rows == 50);
  CHECK(coarse->info().train_size == 150);
  CHECK(coarse->info().length == 16);
  const Batch batch = fine->batch(Split::train, 0, 0, 64);
  CHECK(*std::max_element(batch.targets.begin(), batch.targets.end()) > 20);
}

TEST_CASE("cifar: files of another kind are refused", "[data][cifar]") {
  const TempFolder folder;
  const auto refusal = [](const std::map<std::string, std::string>& values) {
    std::map<std::string, std::string> all = values;
    all.insert({"name", "cifar"});
    const Failure failure = failure_of(all);
    CHECK(failure.code != Exit::ok);
    CHECK(failure.message.find('\n') == std::string::npos);
    return failure.message;
  };
  const std::string ten = folder.write("a.bin", cifar_10(0, 5));
  CHECK_THAT(
      refusal({{"path", folder.write("cut", cifar_10(0, 5).substr(0, 9000))}}),
      contains("expected records of 3073 bytes (CIFAR-10) or of 3074 (CIFAR-100), found 9000"));
  CHECK_THAT(refusal({{"path", ten}, {"validation", folder.write("h", cifar_100(2))}}),
             contains("expected records of 3073 bytes as in") && contains("found 3074"));
  CHECK_THAT(refusal({{"path", ten}, {"label", "coarse"}}), contains("no coarse labels"));
  CHECK_THAT(refusal({{"path", ten}}), contains("leaves nothing to train on"));
  CHECK_THAT(refusal({{"path", ""}}), contains("expected a folder or files"));
  std::string label = cifar_10(0, 5);
  label[3073] = 10;
  CHECK_THAT(refusal({{"path", folder.write("l", label)}, {"test", "1"}}),
             contains("expected labels 0 .. 9, found 10 at example 1"));
  folder.write("b.bin", cifar_100(3));
  CHECK_THAT(refusal({{"path", folder.path("*.bin")}}),
             contains("expected records of 3073 bytes, as before"));
}

TEST_CASE("images: arrays of NumPy are read as IDX files are", "[data][idx]") {
  const TempFolder folder;
  std::string grey, labels, words;
  for (int i = 0; i < 6; ++i) {
    for (int pixel = 0; pixel < 8; ++pixel) grey += static_cast<char>(10 * i + pixel);
    labels += static_cast<char>(i % 3);
    words += little(i % 3, 8);
  }
  const auto data = [&](const std::string& images, const std::string& label_file) {
    return make_data({{"name", "idx"},
                      {"images", images},
                      {"labels", label_file},
                      {"patch", "2"},
                      {"test", "2"}});
  };
  const std::string magic("\0\0\x08", 3);
  const auto idx =
      data(folder.write("i", magic + "\3" + std::string("\0\0\0\6\0\0\0\2\0\0\0\4", 12) + grey),
           folder.write("l", magic + "\1" + std::string("\0\0\0\6", 4) + labels));
  const auto arrays = data(folder.write("i.npy", npy("|u1", "(6, 2, 4)", grey)),
                           folder.write("l.npy", npy("<i8", "(6,)", words)));
  CHECK(arrays->info().sha256 == idx->info().sha256);
  CHECK(same(arrays->batch(Split::train, 1, 0, 4), idx->batch(Split::train, 1, 0, 4)));
  // Three channels, last and first.
  std::string last, first;
  for (int i = 0; i < 6; ++i) {
    for (int at = 0; at < 100; ++at)
      for (int c = 0; c < 3; ++c) last += static_cast<char>(i + 7 * at + 50 * c);
    for (int c = 0; c < 3; ++c)
      for (int at = 0; at < 100; ++at) first += static_cast<char>(i + 7 * at + 50 * c);
  }
  const std::string keras = folder.write("k.npy", npy("<i4", "(6, 1)", [&] {
                                           std::string all;
                                           for (int i = 0; i < 6; ++i) all += little(i % 3, 4);
                                           return all;
                                         }()));
  const auto a = data(folder.write("a.npy", npy("|u1", "(6, 10, 10, 3)", last)), keras);
  const auto b = data(folder.write("b.npy", npy("|u1", "(6, 3, 10, 10)", first)), keras);
  CHECK(a->info().features == 12);
  CHECK(a->info().sha256 == b->info().sha256);
  CHECK(same(a->batch(Split::train, 1, 0, 4), b->batch(Split::train, 1, 0, 4)));
  const auto refusal = [&](const std::string& array) {
    return failure_of({{"name", "idx"},
                       {"images", folder.write("r.npy", array)},
                       {"labels", keras},
                       {"patch", "2"}})
        .message;
  };
  CHECK_THAT(refusal(npy("<f4", "(6, 2, 4)", std::string(192, 'x'))), contains("whole numbers"));
  CHECK_THAT(refusal(npy("<i4", "(6, 2, 4)", std::string(192, 'x'))), contains("astype('uint8')"));
  CHECK_THAT(refusal(npy("|u1", "(6, 8)", grey)), contains("found 6 x 8"));
  CHECK_THAT(refusal(npy("|u1", "(6, 10, 10, 30)", std::string(18000, 'x'))),
             contains("up to 4 channels"));
}

}  // namespace moesim::testing
