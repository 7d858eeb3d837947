// Tests text data: tokens, splits, domains, hashes, broken files.
#include "sim/data/token_store.hpp"
#include "sim/data/tokenizer.hpp"
#include "tests/data/support.hpp"

#include <algorithm>
#include <set>
#include <sys/stat.h>
#include <vector>

namespace moesim::testing {
namespace {

// Every byte different from its neighbours for 256 bytes, so that a window shows where it came
// from.
std::string counting(std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(i % 256);
  return text;
}

}  // namespace

TEST_CASE("token store: ids come back at every width", "[data][text]") {
  for (const index vocabulary : {256, 257, 65536, 65537, 1 << 20}) {
    TokenStore store(vocabulary);
    const auto last = static_cast<std::int32_t>(vocabulary - 1);
    for (const std::int32_t id : {0, last, last / 2}) store.push_back(id);
    CHECK(store.size() == 3);
    CHECK(store[0] == 0);
    CHECK(store[1] == last);
    CHECK(store[2] == last / 2);
  }
}

TEST_CASE("utf-8: valid at the borders, invalid beyond them", "[data][text]") {
  for (const char* text : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK(find_invalid_utf8(text) == std::string_view::npos);
  // A lone continuation, overlong forms, a surrogate, beyond U+10FFFF, no such lead, cut off.
  for (const char* text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xc3\x28"})
    CHECK(find_invalid_utf8(std::string("ab") + text) == 2);
  CHECK(code_point("\xe2\x82\xac", 0).value == 0x20AC);
}

TEST_CASE("text: characters are the code points of the file in order", "[data][text]") {
  const TempFolder folder;
  const std::string path =
      folder.write("small.txt", "bäa€b\nbäa€b\nbäa€b\nbäa€b\n");  // 24 characters
  const auto data = make_data({{"name", "text"},
                               {"path", path},
                               {"tokens", "chars"},
                               {"length", "2"},
                               {"validation_fraction", "0.25"}});
  CHECK(data->info().vocabulary == 5);  // \n a b ä €
  CHECK(data->encode("\nabä€") == std::vector<std::int32_t>{0, 1, 2, 3, 4});
  CHECK(data->decode({4, 3, 0}) == "€ä\n");
  CHECK(data->info().train_size == 18);
  CHECK(data->info().unigram == std::vector<std::int64_t>{3, 3, 6, 3, 3});
  CHECK(data->info().domains.empty());
  const Failure unknown = failure_of([&] { data->encode("az"); });
  CHECK(unknown.code == Exit::data);
  CHECK(unknown.message == "the character at byte 1 is not in the vocabulary");
}

TEST_CASE("text: the last part is validation, and no training window reaches it", "[data][text]") {
  const TempFolder folder;
  const std::string path = folder.write("counting.bin", counting(200));
  const auto data = make_data({{"name", "text"},
                               {"path", path},
                               {"tokens", "raw"},
                               {"length", "8"},
                               {"validation_fraction", "0.2"}});
  check_is_function_of_seed_and_step(*data);
  CHECK(data->info().vocabulary == 256);
  CHECK(data->info().train_size == 160);

  std::set<std::int32_t> starts;
  for (index step = 0; step < 200; ++step) {
    const Batch batch = data->batch(Split::train, 0, step, 8);
    for (std::size_t i = 0; i < batch.ids.size(); ++i) CHECK(batch.targets[i] == batch.ids[i] + 1);
    for (std::size_t i = 0; i < batch.ids.size(); i += 8) starts.insert(batch.ids[i]);
    CHECK(*std::max_element(batch.targets.begin(), batch.targets.end()) < 160);
  }
  CHECK(starts.size() == 152);  // every start from 0 to 160 - 8 - 1
  CHECK(*starts.rbegin() == 151);

  // 40 tokens hold 4 windows of 8 with a target behind each: 160, 168, 176, 184.
  CHECK(data->info().validation_rows == 4);
  CHECK(data->info().validation_size == 32);
  std::set<std::int32_t> windows;
  for (index step = 0; step < 2; ++step) {
    const Batch batch = data->batch(Split::validation, 0, step, 3);
    CHECK(batch.batch == (step == 0 ? 3 : 1));
    for (std::size_t i = 0; i < batch.ids.size(); i += 8) windows.insert(batch.ids[i]);
  }
  CHECK(windows == std::set<std::int32_t>{160, 168, 176, 184});
  CHECK(same(data->batch(Split::validation, 0, 2, 3), data->batch(Split::validation, 0, 0, 3)));
}

TEST_CASE("text: the smallest file that will do", "[data][text]") {
  const TempFolder folder;
  // length 4: 5 tokens in each split.
  const std::map<std::string, std::string> options = {{"name", "text"},
                                                      {"length", "4"},
                                                      {"validation_fraction", "0.5"},
                                                      {"path", folder.path("t")}};
  folder.write("t", "0123456789");
  const auto data = make_data(options);
  CHECK(data->decode(data->batch(Split::train, 0, 0, 1).ids) == "0123");
  CHECK(data->decode(data->batch(Split::validation, 0, 0, 1).targets) == "6789");
  folder.write("t", "012345678");
  CHECK(failure_of(options).code == Exit::data);
}

TEST_CASE("text: domains by label, files by pattern, drawn by size", "[data][text]") {
  const TempFolder folder;
  folder.write("b.news", std::string(200, 'b'));
  folder.write("a.news", std::string(100, 'a'));
  folder.write("c.txt", std::string(100, 'c'));
  const auto data =
      make_data({{"name", "text"},
                 {"length", "4"},
                 {"validation_fraction", "0.5"},
                 {"path", "news:" + folder.path("*.news") + " ; " + folder.path("c.txt")}});
  CHECK(data->info().domains == std::vector<std::string>{"news", "c"});
  index news = 0, rows = 0;
  for (index step = 0; step < 100; ++step) {
    const Batch batch = data->batch(Split::train, 0, step, 16);
    for (std::size_t i = 0; i < batch.ids.size(); ++i)
      CHECK((batch.domains[i] == 1) == (batch.ids[i] == 'c'));
    for (std::size_t i = 0; i < batch.ids.size(); i += 4) news += batch.domains[i] == 0, ++rows;
  }
  // 146 of the 192 starts: 0.76 of 1600 rows, standard deviation 0.011.
  CHECK_THAT(static_cast<double>(news) / static_cast<double>(rows), WithinAbs(146.0 / 192, 0.06));
  // The files of a pattern are joined by name: the last half of the news is all b.
  for (index step = 0; step < 10; ++step)
    for (const std::int32_t id : data->batch(Split::validation, 0, step, 8).ids) CHECK(id != 'a');
}

TEST_CASE("text: the hash follows contents and tokens", "[data][text]") {
  const TempFolder folder;
  const auto hash = [&](const std::string& contents, const std::string& tokens) {
    const std::string path = folder.write("t", contents);
    return make_data({{"name", "text"}, {"path", path}, {"length", "2"}, {"tokens", tokens}})
        ->info()
        .sha256;
  };
  const std::string text = repeated("xy", 50);
  CHECK(hash(text, "bytes") == hash(text, "bytes"));
  CHECK(hash(text, "bytes") != hash(text, "chars"));
  CHECK(hash(text, "bytes") != hash(text + "y", "bytes"));
}

TEST_CASE("text: broken files are refused in one line", "[data][text]") {
  const TempFolder folder;
  const auto refused = [&](const std::string& name, const std::string& tokens = "bytes") {
    const Failure failure = failure_of(
        {{"name", "text"}, {"path", folder.path(name)}, {"length", "64"}, {"tokens", tokens}});
    CHECK(failure.code == Exit::data);
    CHECK(failure.message.find('\n') == std::string::npos);
    CHECK(failure.message.starts_with("test: data.path = "));
    const std::string begin = folder.path(name) + ": ";
    const std::size_t at = failure.message.rfind(begin);
    REQUIRE(at != std::string::npos);
    return failure.message.substr(at + begin.size());
  };
  CHECK(refused("missing") == "cannot be opened: No such file or directory");
  CHECK(refused("*.missing") == "expected at least one file, found none that matches");
  folder.write("empty", "");
  CHECK(refused("empty") == "expected data, found an empty file");
  std::filesystem::create_directory(folder.path("folder"));
  CHECK(refused("folder") ==
        "expected *.txt in this folder, found none; write a pattern, such as FOLDER/*.md");
  REQUIRE(::mkfifo(folder.path("fifo").c_str(), 0600) == 0);
  CHECK(refused("fifo") == "expected a regular file, found a FIFO");
  folder.write("one", "x");
  CHECK(refused("one") ==
        "expected at least 65 tokens in the training split (data.length + 1), found 0");
  folder.write("short", std::string(200, 'x'));
  CHECK(refused("short") ==
        "expected at least 65 tokens in the validation split (data.length + 1), found 20");
  folder.write("latin1", std::string(700, 'x') + "\xe4" + std::string(700, 'x'));
  CHECK(refused("latin1", "chars") ==
        "expected UTF-8, found an invalid byte at offset 700: use tokens = bytes, or convert it "
        "(iconv -f latin1 -t utf-8)");
  // A hole of 5 GiB takes no space on the disk and must take none in memory.
  folder.write("huge", "x");
  std::error_code error;
  std::filesystem::resize_file(folder.path("huge"), std::uintmax_t{5} << 30, error);
  if (!error)
    CHECK(refused("huge") == "expected at most 4294967296 bytes of data, found 5368709120");
}

TEST_CASE("text: paths that name nothing, or two things alike", "[data][text]") {
  const auto refused = [](const std::string& path) {
    const Failure failure = failure_of({{"name", "text"}, {"path", path}});
    CHECK(failure.code == Exit::usage);
    return failure.message;
  };
  CHECK_THAT(refused(""), contains("a file is missing"));
  CHECK_THAT(refused("a.txt;;b.txt"), contains("a file is missing"));
  CHECK_THAT(refused("news:"), contains("a file is missing"));
  CHECK_THAT(refused("x/a.txt, y/a.txt"),
             contains("two parts are labelled 'a'; write label:pattern"));
  CHECK_THAT(refused("*.txt; b.txt"), contains("'*.txt' needs a label; write label:*.txt"));
}

TEST_CASE("text: SentencePiece needs the library and a model", "[data][text]") {
  const TempFolder folder;
  const std::string path = folder.write("t", std::string(1000, 'x'));
  const Failure none = failure_of({{"name", "text"}, {"path", path}, {"tokens", "sentencepiece"}});
  CHECK(none.code == Exit::usage);
  CHECK_THAT(none.message, contains("needs a model file"));
  const std::string model = folder.write("no.model", "this is no model");
  const Failure wrong =
      failure_of({{"name", "text"}, {"path", path}, {"tokens", "sentencepiece"}, {"model", model}});
  if (wrong.code == Exit::usage)
    CHECK_THAT(
        wrong.message,
        contains("this build has no SentencePiece: install libsentencepiece-dev and build again"));
  else
    CHECK_THAT(wrong.message,
               contains(model + ": expected a SentencePiece model, found something else"));
  CHECK_THAT(wrong.message, contains("test: data.model = "));
}

TEST_CASE("text: domains that are held out are evaluated only", "[data][text]") {
  const TempFolder folder;
  const std::string a = folder.write("a.txt", std::string(200, 'a') + "A" + std::string(99, 'a'));
  const std::string b = folder.write("b.txt", std::string(150, 'b') + "B" + std::string(149, 'b'));
  const std::string c = folder.write("c.txt", std::string(100, 'c') + "C" + std::string(199, 'c'));
  const auto data_of = [&](const std::map<std::string, std::string>& more) {
    std::map<std::string, std::string> values = {
        {"name", "text"}, {"path", "a:" + a + ";b:" + b + ";c:" + c}, {"length", "8"}};
    values.insert(more.begin(), more.end());
    return make_data(values);
  };
  const auto all = data_of({});
  const auto count = [](const Dataset& data, Split split, std::int32_t domain) {
    const Batch batch = data.batch(split, 1, 0, 64);
    return std::count(batch.domains.begin(), batch.domains.end(), domain);
  };
  for (const auto& [held_out, place] : {std::pair("a", 0), {"b", 1}, {"c", 2}}) {
    const auto data = data_of({{"held_out", held_out}});
    CAPTURE(held_out);
    for (const std::int32_t domain : {0, 1, 2}) {
      CHECK((count(*data, Split::train, domain) > 0) == (domain != place));
      CHECK(count(*data, Split::validation, domain) == count(*all, Split::validation, domain));
    }
    CHECK(data->batch(Split::validation, 0, 0, 9).ids ==
          all->batch(Split::validation, 0, 0, 9).ids);
    CHECK(data->info().train_size == 540);
    CHECK(data->info().sha256 != all->info().sha256);
    CHECK(data->info().note.find("held out") != std::string::npos);
    CHECK(data->info().unigram['a'] == (place == 0 ? 0 : all->info().unigram['a']));
    // Documents, too.
    const auto split =
        data_of({{"held_out", held_out}, {"document", "bytes:30"}, {"duplicates", "0"}});
    for (const std::int32_t domain : {0, 1, 2})
      CHECK((count(*split, Split::train, domain) > 0) == (domain != place));
  }
  CHECK(data_of({{"held_out", "a, c"}})->info().train_size == 270);
  CHECK_THROWS_WITH(data_of({{"held_out", "d"}}), contains("no domain is called 'd'"));
  CHECK_THROWS_WITH(data_of({{"held_out", "a b c"}}), contains("every domain is held out"));
  CHECK_THROWS_WITH(make_data({{"name", "text"}, {"path", a}, {"held_out", "a"}}),
                    contains("there are no domains"));
}

}  // namespace moesim::testing
