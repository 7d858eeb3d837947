// Tests how names, patterns and folders of text files are resolved.
#include "sim/data/corpus.hpp"

#include "tests/data/support.hpp"

namespace moesim::testing {
namespace {

std::vector<CorpusPart> parts_of(const std::string& path) {
  Settings settings;
  settings.set("data.path", path, "a.ini:3");
  return corpus_parts(Options(settings, "data"), "path", path);
}

// "label|file label|file"
std::string shown(const std::string& path) {
  std::string text;
  for (const CorpusPart& part : parts_of(path))
    text += (text.empty() ? "" : " ") + part.label + "|" +
            part.pattern.substr(part.pattern.find_last_of('/') + 1);
  return text;
}

Failure failure_of_path(const std::string& path) {
  Settings settings;
  settings.set("data.name", "text", "a.ini:2");
  settings.set("data.path", path, "a.ini:3");
  Options options(settings, "data");
  return failure_of([&] { make_dataset(options); });
}

}  // namespace

TEST_CASE("corpus: a name that is there is taken whole, whatever characters it has",
          "[data][text]") {
  const TempFolder folder;
  for (const char* name : {"a,b.txt", "c; d.txt", "news:e.txt", "C:\\f.txt", "star*.txt", "x.txt"})
    folder.write(name, "x");
  const auto at = [&](const char* name) { return folder.path(name); };
  CHECK(shown(at("a,b.txt")) == "|a,b.txt");
  CHECK(shown(at("c; d.txt")) == "|c; d.txt");
  CHECK(shown(at("news:e.txt")) == "|news:e.txt");
  CHECK(shown(at("C:\\f.txt")) == "|C:\\f.txt");
  CHECK(shown("one:" + at("a,b.txt")) == "one|a,b.txt");
  CHECK(shown("one:" + at("a,b.txt") + "; two:" + at("x.txt")) == "one|a,b.txt two|x.txt");
  CHECK(shown("one:" + at("news:e.txt") + "," + at("x.txt")) == "one|news:e.txt x|x.txt");
  CHECK(shown("all:" + at("*,b.txt") + ";" + at("x.txt")) == "all|*,b.txt x|x.txt");
  {
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path(""));
    CHECK(parts_of("news:e.txt")[0].pattern == "news:e.txt");
    CHECK(parts_of("news:x.txt")[0].pattern == "x.txt");
    std::filesystem::current_path(before);
  }
  // Names that are not there follow the grammar.
  CHECK(shown(at("y,z.txt")) == "y|y z|z.txt");
  CHECK(shown("one:y.txt") == "one|y.txt");
}

TEST_CASE("corpus: a folder means its *.txt files, sorted", "[data][text]") {
  const TempFolder folder;
  std::filesystem::create_directory(folder.path("a[b]"));
  folder.write("a[b]/2.txt", repeated("2-", 50));
  folder.write("a[b]/10.txt", repeated("1-", 50));
  folder.write("a[b]/.hidden.txt", "h");
  folder.write("a[b]/notes.md", "n");
  for (const char* name : {"a[b]", "a[b]/"}) {
    const std::vector<CorpusText> texts = read_corpus(parts_of(folder.path(name)), {}).texts;
    REQUIRE(texts.size() == 1);
    CHECK(texts[0].text == repeated("1-", 50) + repeated("2-", 50));
  }
  folder.write("x.txt", "x");
  CHECK(shown("all:" + folder.path("a[b]") + ";" + folder.path("x.txt")) == "all|a[b] x|x.txt");
  std::filesystem::create_directory(folder.path("news"));
  CHECK(parts_of(folder.path("news/") + ";" + folder.path("x.txt"))[0].label == "news");
}

TEST_CASE("corpus: errors name the line, the key, and what was meant instead", "[data][text]") {
  const TempFolder folder;
  const std::string text = folder.write("text.txt", "x");
  const auto message = [](const std::string& path) {
    const Failure failure = failure_of_path(path);
    CHECK((failure.code == Exit::data || failure.code == Exit::usage));
    CHECK(failure.message.starts_with("a.ini:3: data.path = "));
    return failure.message;
  };
  CHECK_THAT(message(text + " ; the training text"),
             contains("'the training text' is not there; ';' and ',' separate files"));
  CHECK_THAT(message(text + " ; the training text"), contains("' #' begins a comment"));
  CHECK_THAT(message(text + " ; training"),
             contains("training: cannot be opened: No such file or directory") &&
                 contains("; ';' and ',' separate files, and ' #' begins a comment"));
  CHECK_THAT(message("https://host/a.txt"), contains("https://host/a.txt: cannot be opened"));
  CHECK_THAT(message("https://host/a.txt"), contains("a URL is not fetched"));
  CHECK_THAT(message("C:\\texts\\a.txt"), contains("C:\\texts\\a.txt: cannot be opened"));
  CHECK_THAT(message("C:\\texts\\a.txt"), contains("/mnt/c/"));
  CHECK_THAT(message("C:/missing/a.txt"), contains("'C' was read as its label"));
  CHECK_THAT(message("~/missing.txt"), contains("~ is not expanded"));
  CHECK_THAT(message("$HOME/missing.txt"), contains("variables are not expanded"));
  CHECK_THAT(message("\"missing.txt\""), contains("quotes are taken as part of the name"));
  CHECK_THAT(message(folder.path("missing/*.txt")), contains("found none that matches"));
}

}  // namespace moesim::testing
