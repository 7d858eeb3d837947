// Tests reading config files, includes and studies.
#include "sim/config/reader.hpp"

#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace moesim {

using testing::ConfigFolder;
using testing::usage_error;

namespace {

std::string error_of(const ConfigFolder& folder, const std::string& name) {
  return folder.relative(usage_error([&] { read_config(folder.path(name)); }));
}

}  // namespace

TEST_CASE("reader: what is no config file is refused in one line", "[config][reader]") {
  const ConfigFolder folder;
  folder.write("sub/x.ini", "");
  folder.write("large.ini", std::string((1 << 20) + 1, '\n'));
  CHECK(error_of(folder, "missing.ini") ==
        "missing.ini: cannot be read: No such file or directory; check the path");
  CHECK(error_of(folder, "sub") == "sub: is a folder; give the config file in it");
  CHECK(error_of(folder, "sub/x.ini/y.ini") ==
        "sub/x.ini/y.ini: cannot be read: Not a directory; check the path");
  CHECK(error_of(folder, "large.ini") == "large.ini: larger than 1 MiB; this is no config file");
  CHECK(usage_error([] { read_config(""); }) ==
        "'': cannot be read: No such file or directory; check the path");
  CHECK_THAT(error_of(folder, std::string(300, 'a')), testing::contains("File name too long"));

  REQUIRE(::mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  CHECK(error_of(folder, "pipe") == "pipe: is not a regular file; copy it into one");

  folder.write("secret.ini", "");
  std::filesystem::permissions(folder.path("secret.ini"), std::filesystem::perms::none);
  if (::geteuid() != 0)  // root may read everything
    CHECK(error_of(folder, "secret.ini") ==
          "secret.ini: cannot be read: Permission denied; check its permissions");
}

TEST_CASE("reader: what cannot be included is refused at its line", "[config][reader]") {
  const ConfigFolder folder;
  folder.write("outside.ini", "");
  std::filesystem::create_directories(folder.path("top"));
  std::filesystem::create_symlink(folder.path("outside.ini"), folder.path("top/link.ini"));
  const std::string outside =
      "outside the folder of the config file; copy the file into that folder";

  folder.write("top/a.ini", "\ninclude = ../outside.ini");
  CHECK(error_of(folder, "top/a.ini") == "top/a.ini:2: include = ../outside.ini: " + outside);
  folder.write("top/a.ini", "include = /etc/passwd");
  CHECK(error_of(folder, "top/a.ini") == "top/a.ini:1: include = /etc/passwd: " + outside);
  folder.write("top/a.ini", "include = link.ini");
  CHECK(error_of(folder, "top/a.ini") == "top/a.ini:1: include = link.ini: " + outside);
  folder.write("top/a.ini", "include = none.ini");
  CHECK(error_of(folder, "top/a.ini") ==
        "top/a.ini:1: include = none.ini: cannot be read: No such file or directory; check the "
        "path");
  folder.write("top/a.ini", "include = .");
  CHECK(error_of(folder, "top/a.ini") ==
        "top/a.ini:1: include = .: is a folder; give the config file in it");
  folder.write("top/a.ini", "include = a.ini");
  CHECK(error_of(folder, "top/a.ini") ==
        "top/a.ini:1: include = a.ini: includes itself (a.ini -> a.ini); remove one of the "
        "includes");
  folder.write("top/a.ini", "include = b.ini");
  folder.write("top/b.ini", "# comment\ninclude = ./c.ini");
  folder.write("top/c.ini", "include = b.ini");
  CHECK(error_of(folder, "top/a.ini") ==
        "top/c.ini:1: include = b.ini: includes itself (b.ini -> c.ini -> b.ini); remove one of "
        "the includes");
  folder.write("top/c.ini", "[run]\nsteps");
  CHECK_THAT(error_of(folder, "top/a.ini"), testing::contains("top/c.ini:2: 'steps' is neither"));
}

TEST_CASE("reader: includes are bounded in depth and number", "[config][reader]") {
  const ConfigFolder folder;
  for (int i = 0; i < 17; ++i)
    folder.write(std::to_string(i) + ".ini", "include = " + std::to_string(i + 1) + ".ini");
  CHECK(error_of(folder, "0.ini") ==
        "15.ini:1: include = 16.ini: includes are nested deeper than 16; flatten them");

  // Each file includes the next one twice: 2^14 files if nobody counted.
  for (int i = 0; i < 15; ++i) {
    const std::string next = "include = " + std::to_string(i + 1) + ".ini\n";
    folder.write(std::to_string(i) + ".ini", i < 14 ? next + next : "");
  }
  CHECK_THAT(error_of(folder, "0.ini"),
             testing::contains("more than 64 files are included; merge some"));

  std::string many = "[a]\n";
  for (int i = 0; i < 2001; ++i) many += "k" + std::to_string(i) + " = 1\n";
  folder.write("many.ini", many);
  CHECK(error_of(folder, "many.ini") ==
        "many.ini:2002: more than 2000 settings; this is no config file");
}

TEST_CASE("reader: a file wins over its includes, later includes over earlier ones",
          "[config][reader]") {
  const ConfigFolder folder;
  folder.write("base/one.ini", "[a]\nx = one\ny = one\nz = one\n");
  folder.write("base/two.ini", "include = one.ini  # beside this file\n[a]\ny = two\n");
  folder.write("three.ini", "[a]\nz = three\nw = three\n");
  const std::string top =
      folder.write("top.ini", "include = base/two.ini\ninclude = three.ini\n[a]\nw = top\n");
  const ConfigFile file = read_config(top);
  CHECK(file.path == top);
  CHECK(file.values.at("a.x").value == "one");
  CHECK(file.values.at("a.y").value == "two");
  CHECK(file.values.at("a.z").value == "three");
  CHECK(file.values.at("a.w").value == "top");
  CHECK(folder.relative(file.values.at("a.x").origin) == "base/one.ini:2");
}

TEST_CASE("reader: a study may build on the sweep of another", "[config][reader]") {
  const ConfigFolder folder;
  folder.write("base.ini",
               "[sweep]\na.x = 1, 2\na.y = 1, 2\n[zip.z]\nb.x = 1, 2\nb.y = 3, 4\n"
               "[variant.v]\nc.x = 1\n");
  const std::string top =
      folder.write("top.ini",
                   "include = base.ini\n[a]\nx = 7\n[sweep]\na.y = 5..7\na.z = 1, 2\nb.x = 8, 9\n"
                   "[variant.v]\nc.x = 2\n[variant.w]\n");
  const ConfigFile file = read_config(top);
  REQUIRE(file.sweep.size() == 2);
  CHECK(file.sweep[0].key == "a.y");
  CHECK(file.sweep[0].items == std::vector<std::string>{"5", "6", "7"});
  CHECK(file.sweep[1].key == "a.z");
  CHECK(file.zips.at(0).columns.at(0).items == std::vector<std::string>{"8", "9"});
  CHECK(file.variants.size() == 2);
  CHECK(file.variants[0].values.at("c.x").value == "2");

  folder.write("top.ini", "include = base.ini\n[b]\nx = 1\n");
  CHECK(error_of(folder, "top.ini") ==
        "top.ini:3: b.x = 1: a column of [zip.z] (base.ini:5); give a list of 2 values, or edit "
        "the zip");
  folder.write("top.ini", "include = base.ini\n[c]\nx = 1\n");
  CHECK(error_of(folder, "top.ini") ==
        "top.ini:3: c.x = 1: set by [variant.v] (base.ini:8); change it there");
}

TEST_CASE("reader: the user's own file includes any, what it includes only what is beside it",
          "[config][reader]") {
  const ConfigFolder folder;
  folder.write("far/base.ini", "[a]\nx = far\n");
  folder.write("far/beside.ini", "include = base.ini\n");
  folder.write("far/below.ini", "include = deep/er.ini\n");
  folder.write("far/deep/er.ini", "[a]\nx = deep\n");
  folder.write("far/up.ini", "include = ../other.ini\n");
  folder.write("other.ini", "[a]\nx = other\n");
  const auto read = [&](const std::string& include) {
    const std::string top = folder.write("own/top.ini", "include = " + include + "\n");
    return read_config(top, {.anywhere = true}).values.at("a.x").value;
  };
  CHECK(read("../far/base.ini") == "far");
  CHECK(read(folder.path("far/base.ini")) == "far");
  CHECK(read("../far/beside.ini") == "far");
  CHECK(read("../far/below.ini") == "deep");
  CHECK(folder.relative(usage_error([&] { read("../far/up.ini"); }))
            .starts_with(
                "far/up.ini:1: include = ../other.ini: outside the folder of the config file"));
  CHECK_THAT(usage_error([&] { read("/dev/null"); }), testing::contains("is not a regular file"));
  CHECK_THAT(usage_error([&] { read("../own/top.ini"); }), testing::contains("includes itself"));
}

TEST_CASE("reader: studies by name, the first folder first", "[config][reader]") {
  const ConfigFolder folder;
  folder.write("one/study.ini", "[a]\nx = one\n");
  folder.write("two/study.ini", "[a]\nx = two\n");
  folder.write("two/second.ini", "include = study.ini\n[a]\ny = 2\n");
  folder.write("two/secret", "[a]\nx = secret\n");
  folder.write("two/loop.ini", "include = <loop>\n");
  const std::vector<std::string> folders = {folder.path("one"), folder.path("two"),
                                            folder.path("none")};
  folder.write("two/sets/small.ini", "[a]\nx = small\n");
  CHECK(study_names(folders) == std::vector<std::string>{"loop", "second", "sets/small", "study"});
  CHECK(folder.relative(find_study("study", folders)) == "one/study.ini");
  CHECK(folder.relative(find_study("second.ini", folders)) == "two/second.ini");
  CHECK(folder.relative(find_study("sets/small", folders)) == "two/sets/small.ini");
  for (const char* name : {"secret", "../one/study", "", ".", "none", "study.ini.ini",
                           "sets/../study", "./study", "sets//small", "/sets/small", "sets/"})
    CHECK(find_study(name, folders) == "");
  const auto read = [&](const std::string& include) {
    return read_config(folder.write("top.ini", "include = " + include + "\n"),
                       {.folders = folders});
  };
  CHECK(read("<study>").values.at("a.x").value == "one");
  CHECK(read("<second.ini>").values.at("a.x").value == "two");
  CHECK(read("sets/small.ini").values.at("a.x").value == "small");
  CHECK(folder.relative(usage_error([&] { read("sets/smal.ini"); })) ==
        "top.ini:1: include = sets/smal.ini: no such file or study; did you mean sets/small.ini?");
  folder.write("sets/small.ini", "[a]\nx = own\n");
  CHECK(read("sets/small.ini").values.at("a.x").value == "own");
  CHECK(folder.relative(usage_error([&] { read("<studdy>"); })) ==
        "top.ini:1: include = <studdy>: no study of this name; did you mean <study>?");
  CHECK(folder.relative(usage_error([&] { read("<anything else>"); })) ==
        "top.ini:1: include = <anything else>: no study of this name; choose one of loop, second, "
        "sets/small, study");
  CHECK_THAT(usage_error([&] { read("<loop>"); }), testing::contains("includes itself"));
  CHECK_THAT(usage_error([&] { read_config(folder.path("top.ini")); }),
             testing::contains("no studies are installed with this program; give a path"));
}

}  // namespace moesim
