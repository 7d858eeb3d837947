// Tests files of token ids: formats, vocabulary, sampled large files.
#include "sim/data/token_files.hpp"
#include "sim/data/token_scan.hpp"
#include "tests/data/token_samples.hpp"

#include <algorithm>
#include <numeric>
#include <set>

namespace moesim::testing {
namespace {

bool same_data(const Dataset& a, const Dataset& b) {
  for (const Split split : {Split::train, Split::validation})
    for (index step = 0; step < 5; ++step)
      if (!same(a.batch(split, 3, step, 4), b.batch(split, 3, step, 4))) return false;
  return a.info().vocabulary == b.info().vocabulary && a.info().unigram == b.info().unigram &&
         a.info().train_size == b.info().train_size;
}

}  // namespace

TEST_CASE("tokens: the same ids in every format are the same data", "[data][tokens]") {
  const TempFolder folder;
  const auto all = ids(500);
  const auto reference = tokens({{"path", folder.write("16.bin", little(all, 2))}});
  CHECK(reference->info().vocabulary == 101);
  CHECK(reference->info().train_size == 400);
  CHECK(reference->info().bytes_per_token == -1);
  CHECK(reference->info().domains.empty());
  check_is_function_of_seed_and_step(*reference);
  for (const auto& [type, bytes] : std::map<std::string, int>{
           {"uint8", 1}, {"int16", 2}, {"uint32", 4}, {"int32", 4}, {"uint64", 8}, {"int64", 8}}) {
    const auto data =
        tokens({{"path", folder.write(type + ".bin", little(all, bytes))}, {"dtype", type}});
    CHECK(same_data(*reference, *data));
    CHECK(data->info().sha256 == reference->info().sha256);
  }
  for (const auto& [descr, bytes] :
       std::map<std::string, int>{{"|u1", 1}, {"<u2", 2}, {"<i4", 4}, {"<i8", 8}, {"<u4", 4}}) {
    const std::string name = descr.substr(1) + ".npy";
    const auto row =
        tokens({{"path", folder.write(name, npy(descr, "(500,)", little(all, bytes)))}});
    CHECK(same_data(*reference, *row));
    const auto rows =
        tokens({{"path", folder.write(name, npy(descr, "(20, 25)", little(all, bytes)))}});
    CHECK(rows->info().sha256 == reference->info().sha256);
  }
  // Megatron: three sequences of which one is empty, two documents.
  folder.write("m.bin", little(all, 4));
  folder.write("m.idx", megatron_index(4, {200, 0, 300}, {0, 800, 800}, {0, 1, 3}));
  for (const char* name : {"m", "m.bin", "m.idx", "m.*"})
    CHECK(same_data(*reference, *tokens({{"path", folder.path(name)}})));
  // Sequences in another order than they lie in the file, with a gap and with modes behind.
  folder.write("x.bin", little(ids(300, 200), 2) + "gap!" + little(ids(200), 2));
  folder.write("x.idx", megatron_index(8, {200, 300}, {604, 0}, {0, 1, 2}) + std::string(2, '\0'));
  CHECK(same_data(*reference, *tokens({{"path", folder.path("x")}})));
  // Files of a pattern are one row.
  folder.write("part_0.bin", little(ids(123), 2));
  folder.write("part_1.npy", npy("<i8", "(377,)", little(ids(377, 123), 8)));
  CHECK(same_data(*reference, *tokens({{"path", folder.path("part_*")}})));
}

TEST_CASE("tokens: a file of nanoGPT is the text that it was made from", "[data][tokens]") {
  const TempFolder folder;
  std::string text;
  std::vector<std::int64_t> all;
  for (const std::int64_t id : ids(1000)) {
    // Letters a to z, so that the id of a character is its place in the alphabet.
    text += static_cast<char>('a' + id % 26);
    all.push_back(id % 26);
  }
  const auto n = static_cast<std::ptrdiff_t>(900);
  std::filesystem::create_directory(folder.path("nano"));
  folder.write("nano/train.bin", little({all.begin(), all.begin() + n}, 2));
  folder.write("nano/val.bin", little({all.begin() + n, all.end()}, 2));
  const auto chars = make_data({{"name", "text"},
                                {"tokens", "chars"},
                                {"length", "8"},
                                {"path", folder.write("t.txt", text)}});
  const std::map<std::string, std::string> pair = {{"path", folder.path("nano/train.bin")},
                                                   {"validation", folder.path("nano/val.bin")}};
  const auto apart = tokens(pair);
  CHECK(same_data(*chars, *apart));
  CHECK(chars->info().validation_rows == apart->info().validation_rows);
  CHECK(chars->info().validation_size == apart->info().validation_size);
  CHECK(tokens({{"path", folder.path("nano")}})->info().sha256 == apart->info().sha256);
  // A folder of both splits is no domain: its validation would be trained on.
  const Failure mixed = failure_of(
      {{"name", "tokens"}, {"path", "a:" + folder.path("nano") + "; b:" + folder.path("nano")}});
  CHECK(mixed.code == Exit::data);
  CHECK_THAT(mixed.message, contains("found train.bin and val.bin"));
  // And a text in two files.
  const auto texts = make_data({{"name", "text"},
                                {"tokens", "chars"},
                                {"length", "8"},
                                {"path", folder.write("a.txt", text.substr(0, 900))},
                                {"validation", folder.write("b.txt", text.substr(900))}});
  CHECK(same_data(*chars, *texts));
  CHECK(texts->info().bytes_per_token == 1);
}

TEST_CASE("tokens: domains by label, in both splits", "[data][tokens]") {
  const TempFolder folder;
  folder.write("low.bin", little(ids(500), 2));
  auto high = ids(500);
  for (std::int64_t& id : high) id += 1000;
  folder.write("high.bin", little(high, 2));
  const std::string low = folder.path("low.bin"), upper = folder.path("high.bin");
  const auto data = tokens({{"path", "low:" + low + "; high:" + upper},
                            {"validation", "high:" + upper + "; low:" + low}});
  CHECK(data->info().domains == std::vector<std::string>{"low", "high"});
  CHECK(data->info().vocabulary == 1101);
  std::set<std::int32_t> seen;
  for (const Split split : {Split::train, Split::validation})
    for (index step = 0; step < 20; ++step) {
      const Batch batch = data->batch(split, 0, step, 4);
      for (std::size_t i = 0; i < batch.ids.size(); ++i) {
        CHECK((batch.domains[i] == 1) == (batch.ids[i] >= 1000));
        seen.insert(batch.domains[i]);
      }
    }
  CHECK(seen.size() == 2);
  const Failure other = failure_of({{"name", "tokens"},
                                    {"path", "low:" + low + "; high:" + upper},
                                    {"validation", "low:" + low + "; middle:" + upper}});
  CHECK(other.code == Exit::usage);
  CHECK_THAT(other.message,
             contains("test: data.validation = ") &&
                 contains("expected the domains of data.path: low, high; found low, middle"));
}

TEST_CASE("tokens: the vocabulary is given or found, and every id is below it", "[data][tokens]") {
  const TempFolder folder;
  const std::string path = folder.write("a.bin", little(ids(500), 2));
  const auto wide = tokens({{"path", path}, {"vocabulary", "128"}});
  CHECK(wide->info().vocabulary == 128);
  CHECK(wide->info().unigram.size() == 128);
  CHECK(wide->info().unigram[127] == 0);
  CHECK(wide->info().sha256 != tokens({{"path", path}})->info().sha256);
  // 7 · 14 = 98 is number 14, 7 · 72 = 504 = 4 · 101 + 100 number 72: the first id above 99.
  CHECK(refused({{"vocabulary", "100"}}, path) ==
        "expected ids from 0 to 99 (data.vocabulary), found 100 as uint16 number 72 of the file");
  // The file changes after it was opened: a batch notices an id, and that the file is shorter.
  const auto data = tokens({{"path", path}});
  folder.write("a.bin", little(std::vector<std::int64_t>(500, 101), 2));
  const Failure changed = failure_of([&] { data->batch(Split::train, 0, 0, 1); });
  CHECK(changed.code == Exit::data);
  CHECK_THAT(changed.message, contains(path + ": expected ids from 0 to 100 (the largest when it "
                                              "was read), found 101 as uint16 number"));
  folder.write("a.bin", "12");
  const Failure cut = failure_of([&] { data->batch(Split::validation, 0, 0, 1); });
  CHECK(cut.code == Exit::data);
  CHECK_THAT(cut.message, contains(path + ": expected 1000 bytes, found its end after 2"));
}

TEST_CASE("tokens: few of many ids that occur are noted", "[data][tokens]") {
  const TempFolder folder;
  folder.write("t.bin", little(ids(500), 2));
  CHECK(tokens({{"path", folder.path("t.bin")}})->info().note.empty());
  std::vector<std::int64_t> turned = ids(500);
  for (std::int64_t& id : turned) id *= 256;  // as if read with the high byte first
  folder.write("t.bin", little(turned, 2));
  CHECK_THAT(tokens({{"path", folder.path("t.bin")}})->info().note,
             contains("101 of 25601 token ids occur: data.dtype"));
}

TEST_CASE("tokens: a large file is sampled, and asks for its vocabulary", "[data][tokens]") {
  const TempFolder folder;
  // A hole takes no space on the disk; ids at both ends.
  const std::string path = folder.write("huge.bin", little(ids(500), 2));
  std::error_code error;
  std::filesystem::resize_file(path, std::uintmax_t{20} << 30, error);
  if (error) {
    WARN("skipped: no file of 20 GiB with a hole can be made here");
    return;
  }
  std::map<std::string, std::string> values = {{"name", "tokens"}, {"path", path}};
  const Failure none = failure_of(values);
  CHECK(none.code == Exit::usage);
  CHECK_THAT(none.message, contains("set data.vocabulary") && contains("data.scan = all"));
  values["vocabulary"] = "300";
  const auto data = make_data(values);
  CHECK(data->info().train_size == 9663676416);  // floor(0.9 · 10 · 2^30)
  CHECK(std::accumulate(data->info().unigram.begin(), data->info().unigram.end(),
                        std::int64_t{0}) == 64 * 65536);
  CHECK(data->info().unigram[7] == 5);  // 500 ids from the first block
  CHECK_THAT(data->info().note, contains("21.5 GB of ids are not read before training"));
  CHECK(data->batch(Split::train, 0, 1, 4).ids.size() == 256);
  // What the sample sees changes the hash.
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).write("\x05", 1);
  CHECK(make_data(values)->info().sha256 != data->info().sha256);
}

TEST_CASE("tokens: a sample is evenly spaced from the first id to the last", "[data][tokens]") {
  const TempFolder folder;
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < 10 * kBlock; ++i) all.push_back(i / kBlock);
  const TokenFiles files({"", folder.write("a.bin", little(all, 2)), ""}, "uint16");
  const Stretch whole{&files, 0, files.size()};
  const TokenScan three = scan_tokens(whole, 3);
  CHECK(three.read == 3 * kBlock);
  // Blocks at 0, 4.5 and 9 blocks.
  CHECK(three.counts ==
        std::vector<std::int64_t>{kBlock, 0, 0, 0, kBlock / 2, kBlock / 2, 0, 0, 0, kBlock});
  CHECK(scan_tokens(whole, 10).sha256 == scan_tokens(whole, 0).sha256);
  // hashlib.sha256(numpy.array([1, 258], "<i4").tobytes())
  const TokenFiles two({"", folder.write("b.bin", little({1, 258}, 2)), ""}, "uint16");
  CHECK(scan_tokens({&two, 0, 2}, 0).sha256 ==
        "fb8bbe2ad3ab5292f19bc5d75bbab9b5fbddc5a78ce47ab41b2d3d59bca08596");
}

}  // namespace moesim::testing
