// Tests reading and writing of safetensors files.
#include "sim/checkpoint/safetensors.hpp"

#include "tests/support/catch.hpp"

#include <cstring>
#include <stdexcept>

namespace moesim::testing {
namespace {

std::string joined_pieces(const TensorFile& file) {
  std::string header, bytes;
  for (const std::string_view piece : safetensors_pieces(file, header)) bytes += piece;
  return bytes;
}

// A file with this header, by hand.
std::string with_header(const std::string& json, const std::string& data) {
  const std::uint64_t size = json.size();
  return std::string(reinterpret_cast<const char*>(&size), 8) + json + data;
}

std::string problem_of(const std::string& bytes) {
  try {
    read_safetensors(bytes);
  } catch (const std::runtime_error& problem) {
    return problem.what();
  }
  return "";
}

TEST_CASE("safetensors: what is written is read, aligned and in order", "[checkpoint]") {
  const float values[] = {1, 2, 3, 4, 5, 6};
  const double one = 7;
  TensorFile file;
  file.metadata = {{"step", "12"}};
  file.tensors = {{"b", "F32", {2, 3}, {reinterpret_cast<const char*>(values), sizeof values}},
                  {"a", "F64", {}, {reinterpret_cast<const char*>(&one), sizeof one}},
                  {"none", "F32", {0, 5}, {}}};
  const std::string bytes = joined_pieces(file);
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  CHECK(header % 8 == 0);
  CHECK(bytes.size() == 8 + header + sizeof values + sizeof one);
  const TensorFile back = read_safetensors(bytes);
  CHECK(back.metadata == file.metadata);
  REQUIRE(back.tensors.size() == 3);
  for (const TensorView& expected : file.tensors) {
    CAPTURE(expected.name);
    const auto found = std::find_if(back.tensors.begin(), back.tensors.end(),
                                    [&](const auto& t) { return t.name == expected.name; });
    REQUIRE(found != back.tensors.end());
    CHECK(found->dtype == expected.dtype);
    CHECK(found->shape == expected.shape);
    CHECK(found->bytes == expected.bytes);
  }
}

TEST_CASE("safetensors: a file by hand is read", "[checkpoint]") {
  // As the format's description shows it: tensors in any order of names, bytes without gaps.
  const std::string data("\x01\x02\x03\x04\x05\x06", 6);
  const std::string bytes =
      with_header(R"({"y":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},)"
                  R"("x":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}})",
                  data);
  const TensorFile file = read_safetensors(bytes);  // views of these bytes
  REQUIRE(file.tensors.size() == 2);
  CHECK(file.tensors[0].name == "x");
  CHECK(file.tensors[0].bytes == data.substr(0, 4));
  CHECK(file.tensors[1].bytes == data.substr(4));
}

TEST_CASE("safetensors: what is no such file is refused with a reason", "[checkpoint]") {
  const auto tensor = [](const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
    return R"({"x":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
           offsets + "}}";
  };
  const std::string eight(8, '\0');
  CHECK(problem_of(with_header(tensor("F32", "[2]", "[0,8]"), eight)).empty());
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "too short"},
      {"1234567", "too short"},
      {std::string(8, '\xff'), "16 MB"},
      {with_header("{}", "").substr(0, 9), "inside its header"},
      {with_header("[1]", ""), "not a JSON object"},
      {with_header("{\"x\":", ""), "not a JSON object"},
      {with_header(std::string(10000, '['), ""), "not a JSON object"},
      {with_header(tensor("F99", "[2]", "[0,8]"), eight), "dtype"},
      {with_header(tensor("F32", "[-2]", "[0,8]"), eight), "whole number"},
      {with_header(tensor("F32", "[2.5]", "[0,8]"), eight), "whole number"},
      {with_header(tensor("F32", "{}", "[0,8]"), eight), "shape"},
      {with_header(tensor("F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), eight), "shape"},
      {with_header(tensor("F32", "[3]", "[0,8]"), eight), "larger"},
      {with_header(tensor("F32", "[1]", "[0,8]"), eight), "match"},
      {with_header(tensor("F32", "[4294967296,4294967296]", "[0,8]"), eight), "larger"},
      {with_header(tensor("F32", "[0,4294967296]", "[0,8]"), eight), "match"},
      {with_header(tensor("F32", "[0,18446744073709551615]", "[0,0]"), ""), "shape"},
      {with_header(tensor("F32", "[2]", "[0,9]"), eight), "outside"},
      {with_header(tensor("F32", "[2]", "[8,0]"), eight), "outside"},
      {with_header(tensor("F32", "[1]", "[4,8]"), eight), "gap"},
      {with_header(tensor("F32", "[1]", "[0,4]"), eight), "after the last tensor"},
      {with_header(tensor("F32", "[2]", "[0]"), eight), "two numbers"},
      {with_header(R"({"x":{"dtype":"F32","shape":[2]}})", eight), "needs dtype"},
      {with_header(R"({"x":7})", eight), "needs dtype"},
      {with_header(R"({"__metadata__":{"a":1}})", ""), "metadata"},
      {with_header(R"({"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                   R"("x":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                   eight),
       "duplicate"},
      {with_header(R"({"x":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                   R"("y":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                   eight),
       "overlap"},
  };
  for (const auto& [bytes, reason] : cases) {
    CAPTURE(reason, bytes.substr(0, 200));
    CHECK_THAT(problem_of(bytes), contains(reason));
  }
}

}  // namespace
}  // namespace moesim::testing
