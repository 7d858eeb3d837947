// Tests token files that are refused: what is none, headers of NumPy that lie, a Megatron index that points elsewhere.
#include "tests/data/token_samples.hpp"

namespace moesim::testing {

TEST_CASE("tokens: what is no token file is refused in one line", "[data][tokens]") {
  const TempFolder folder;
  const auto refusal = [&](const std::string& name, const std::string& contents,
                           const std::map<std::string, std::string>& values = {}) {
    return refused(values, folder.write(name, contents));
  };
  const std::string ids_500 = little(ids(500), 2);
  CHECK(refusal("odd.bin", ids_500 + "x") ==
        "expected ids of 2 bytes (uint16), found 1001 bytes, which is no multiple of that");
  CHECK(refusal("text.bin", repeated("To be or not to be. ", 50)) ==
        "expected token ids, found text: data.name = text reads it; data.dtype = uint16 takes any "
        "file as numbers of 16 bits");
  CHECK_THAT(refusal("zip.bin", "PK\x03\x04" + ids_500), contains("found a ZIP archive"));
  CHECK_THAT(refusal("wide.bin", little(ids(500), 4)), contains("perhaps data.dtype = uint32"));
  CHECK_THAT(refusal("short.bin", little(ids(10), 2)),
             contains("expected at least 9 tokens in the validation split"));
  CHECK_THAT(refusal("same.bin", std::string(1000, '\0'), {{"dtype", "uint16"}}),
             contains("found the same one everywhere"));
  CHECK_THAT(
      refusal("minus.bin", little({1, 2, -5}, 8) + little(ids(500), 8), {{"dtype", "int64"}}),
      contains("found -5 as int64 number 2 of the file"));
  CHECK_THAT(refusal("large.bin", little({1, -1}, 8) + little(ids(500), 8), {{"dtype", "uint64"}}),
             contains("expected ids from 0 to 4194303") &&
                 contains("found 9223372036854775807 as uint64 number 1"));
  std::filesystem::create_directory(folder.path("folder"));
  CHECK_THAT(refused({}, folder.path("folder")), contains("expected *.bin or *.npy"));
}

TEST_CASE("tokens: headers of NumPy that lie are refused", "[data][tokens]") {
  const TempFolder folder;
  const auto refusal = [&](const std::string& contents,
                           const std::map<std::string, std::string>& values = {}) {
    return refused(values, folder.write("a.npy", contents));
  };
  const std::string data = little(ids(500), 2), whole = npy("<u2", "(500,)", data);
  for (std::size_t size = 6; size < whole.size() - 1000; ++size)
    CHECK(refusal(whole.substr(0, size)) != "");
  CHECK_THAT(refusal(npy(">u2", "(500,)", data)), contains("the low byte first, found '>u2'"));
  CHECK_THAT(refusal(npy("<f4", "(250,)", data)), contains("expected whole numbers"));
  CHECK_THAT(refusal(npy("|O", "(500,)", data)), contains("expected whole numbers"));
  std::string structured = whole;
  structured.replace(structured.find("'<u2'"), 5, "[(0)]");
  CHECK_THAT(refusal(structured), contains("numbers of one type, found a structured type"));
  CHECK_THAT(
      refusal(npy("<u2", "(501,)", data)),
      contains("expected 501 = 501 numbers of 2 bytes, as its header says, found 1000 bytes"));
  CHECK_THAT(refusal(npy("<u2", "(499,)", data)), contains("found 1000 bytes"));
  CHECK_THAT(refusal(npy("<u2", "(4294967296, 4294967296, 500)", data)),
             contains("more than 64 bits"));
  CHECK_THAT(refusal(npy("<u2", "(99999999999999999999,)", data)), contains("numpy.save"));
  CHECK_THAT(refusal(npy("<u2", "(-500,)", data)), contains("numpy.save"));
  CHECK_THAT(refusal(npy("<u2", "()", data)), contains("an array of numbers, found one number"));
  CHECK_THAT(refusal(npy("<u2", "(0, 500)", data)), contains("found 0 x 500"));
  CHECK_THAT(refusal(npy("<u2", "(5, 10, 10)", data)), contains("one dimension or two"));
  CHECK_THAT(refusal(npy("<u2", "(20, 25)", data, "True")), contains("in the order of C"));
  CHECK_THAT(refusal(whole, {{"dtype", "int32"}}),
             contains("expected int32 (data.dtype), found uint16 in its header"));
  std::string version = whole;
  version[6] = 4;
  CHECK_THAT(refusal(version), contains("version 1 to 3, found version 4"));
  std::string length = whole;
  length[8] = length[9] = '\xff';
  CHECK_THAT(refusal(length), contains("found one of 65535, by its own account"));
  // Version 2 counts its header in 32 bits.
  const std::string header = whole.substr(10, whole.size() - 1010);
  const std::string two = "\x93NUMPY" + std::string("\2\0", 2) +
                          little(static_cast<std::int64_t>(header.size()), 4) + header + data;
  CHECK(tokens({{"path", folder.write("b.npy", two)}})->info().train_size == 400);
}

TEST_CASE("tokens: an index of Megatron that points elsewhere is refused", "[data][tokens]") {
  const TempFolder folder;
  folder.write("m.bin", little(ids(500), 2));
  const auto refusal = [&](const std::string& contents) {
    folder.write("m.idx", contents);
    const Failure failure = failure_of({{"name", "tokens"}, {"path", folder.path("m")}});
    CHECK(failure.code == Exit::data);
    return failure.message;
  };
  const std::string whole = megatron_index(8, {200, 300}, {0, 400}, {0, 1, 2});
  for (std::size_t size = 9; size < whole.size(); ++size) refusal(whole.substr(0, size));
  CHECK_THAT(refusal("X" + whole.substr(1)), contains("expected the index of a Megatron data set"));
  CHECK_THAT(refusal(whole + "x"), contains("expected the arrays of 2 sequences and 3 boundaries"));
  CHECK_THAT(refusal(megatron_index(8, {200}, {0}, {0, 1}, 2)), contains("found version 2"));
  CHECK_THAT(refusal(megatron_index(7, {200}, {0}, {0, 1})), contains("found floating point"));
  CHECK_THAT(refusal(megatron_index(99, {200}, {0}, {0, 1})), contains("found code 99"));
  CHECK_THAT(refusal(megatron_index(8, {501}, {0}, {0, 1})),
             contains("inside of a .bin of 1000 bytes, found sequence 0 of 501 tokens at byte 0"));
  CHECK_THAT(refusal(megatron_index(8, {1}, {1000}, {0, 1})), contains("at byte 1000"));
  CHECK_THAT(refusal(megatron_index(8, {-1}, {0}, {0, 1})), contains("of -1 tokens"));
  CHECK_THAT(refusal(megatron_index(8, {1}, {-2}, {0, 1})), contains("at byte -2"));
  CHECK_THAT(refusal(megatron_index(8, {200, 300}, {0, 400}, {0, 2, 1})), contains("boundary 2"));
  CHECK_THAT(refusal(megatron_index(8, {200, 300}, {0, 400}, {0, 3})), contains("found 3"));
  CHECK_THAT(refusal(megatron_index(8, {}, {}, {0})), contains("expected sequences, found none"));
  CHECK_THAT(refusal(megatron_index(8, {0, 0}, {0, 0}, {0, 2})), contains("only empty sequences"));
  std::string many = whole;
  for (std::size_t i = 18; i < 26; ++i) many[i] = '\xff';
  CHECK_THAT(refusal(many), contains("expected the arrays of"));
  std::filesystem::remove(folder.path("m.bin"));
  CHECK_THAT(failure_of({{"name", "tokens"}, {"path", folder.path("m.idx")}}).message,
             contains("expected " + folder.path("m.bin") + " next to this index"));
}

}  // namespace moesim::testing
