#include "sim/data/foreign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace moesim {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::size_t at;
  std::string_view bytes;
  const char* format;
  const char* advice;
};

constexpr const char* kTextOfIt = "write its text into a file";
constexpr const char* kNoText = "name a text file";

constexpr Magic kMagics[] = {
    {0, "\x1f\x8b\x08"sv, "gzip data", "gunzip it first"},
    {0, "\x1f\x9d"sv, "data of compress", "uncompress it first"},
    {4, "1AY&SY"sv, "bzip2 data", "bunzip2 it first"},
    {0, "\xfd\x37zXZ\0"sv, "xz data", "unxz it first"},
    {0, "\x28\xb5\x2f\xfd"sv, "zstd data", "unzstd it first"},
    {0, "\x04\x22\x4d\x18"sv, "lz4 data", "unlz4 it first"},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive", "unpack it first"},
    {0, "Rar!\x1a\x07"sv, "a RAR archive", "unpack it first"},
    {0, "PK\x03\x04"sv, "a ZIP archive (.zip, .npz, .docx, a PyTorch file)", "unzip it first"},
    {0, "PK\x05\x06"sv, "an empty ZIP archive", "name a text file"},
    {257, "ustar"sv, "a tar archive", "unpack it first"},
    {0, "%PDF-"sv, "a PDF file", "pdftotext makes a text of it"},
    {0, "%!PS-Adobe"sv, "PostScript", "ps2ascii makes a text of it"},
    {0, "{\\rtf"sv, "an RTF document", kTextOfIt},
    {0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, "a document of Microsoft Office", kTextOfIt},
    {0, "\x89PNG\r\n\x1a\n"sv, "a PNG image", kNoText},
    {0, "\xff\xd8\xff"sv, "a JPEG image", kNoText},
    {0, "GIF87a"sv, "a GIF image", kNoText},
    {0, "GIF89a"sv, "a GIF image", kNoText},
    {0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file", kTextOfIt},
    {0, "\x93NUMPY"sv, "a NumPy array (.npy)",
     "data.name = tokens reads one of token ids, data.name = idx one of images"},
    {0, "PAR1\x15"sv, "a Parquet file", "write the column of text into a file, one text per line"},
    {0, "ARROW1\0\0"sv, "an Arrow file", "write the column of text into a file, one text per line"},
    {0, "\xff\xff\xff\xff"sv, "binary data (an Arrow stream?)", kTextOfIt},
    {0, "SQLite format 3\0"sv, "an SQLite database", kTextOfIt},
    {0, "GGUF\x02\0"sv, "weights (GGUF)", kNoText},
    {0, "GGUF\x03\0"sv, "weights (GGUF)", kNoText},
    {0,
     "\x7f"
     "ELF"sv,
     "a program (ELF)", kNoText},
    {0, "\x80\x02"sv, "a Python pickle", kTextOfIt},
    {0, "\x80\x03"sv, "a Python pickle", kTextOfIt},
    {0, "\x80\x04\x95"sv, "a Python pickle", kTextOfIt},
    {0, "\x80\x05\x95"sv, "a Python pickle", kTextOfIt},
    {0, "\0\0\x08\x01"sv, "an IDX file of labels", "data.name = idx reads images with labels"},
    {0, "\0\0\x08\x03"sv, "an IDX file of images", "data.name = idx reads images with labels"},
    {0, "version https://git-lfs.github.com/spec/"sv, "a pointer of Git LFS",
     "git lfs pull fetches the file itself"},
    {0, "\xff\xfe\0\0"sv, "UTF-32", "iconv -f utf-32 -t utf-8 converts it"},
    {0, "\0\0\xfe\xff"sv, "UTF-32", "iconv -f utf-32 -t utf-8 converts it"},
    {0, "\xff\xfe"sv, "UTF-16", "iconv -f utf-16 -t utf-8 converts it"},
    {0, "\xfe\xff"sv, "UTF-16", "iconv -f utf-16 -t utf-8 converts it"},
};

constexpr std::string_view kSpace = " \t\r\n";

std::string_view without_space(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == text.npos ? std::string_view() : text.substr(first);
}

char last_character(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kSpace);
  return last == text.npos ? '\0' : text[last];
}

// True if the contents begin like a JSON object with a key: {"key":
bool begins_object(std::string_view text) {
  if (!text.starts_with('{')) return false;
  text = without_space(text.substr(1));
  if (!text.starts_with('"')) return false;
  const std::size_t quote = text.find('"', 1);
  return quote != text.npos && without_space(text.substr(quote + 1)).starts_with(':');
}

std::string json_format(std::string_view contents) {
  const std::string_view text = without_space(contents);
  const char last = last_character(text);
  if (begins_object(text)) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const bool whole = last_character(line) == '}';
    const std::string_view rest = without_space(text.substr(line.size()));
    if (whole && begins_object(rest))
      return "JSON lines: name the key of their text, such as data.field = text, or write one text "
             "per "
             "line, as jq -r .text FILE > FILE.txt does";
    if (last == '}') return "JSON: write its text into a file, as jq -r .text FILE > FILE.txt does";
  }
  if (text.starts_with('[') && last == ']') {
    const std::string_view first = without_space(text.substr(1));
    if (begins_object(first))
      return "JSON: write one text per line, as jq -r '.[].text' FILE > FILE.txt does";
    if (const std::size_t quote = first.find('"', 1); first.starts_with('"') && quote != first.npos)
      if (const std::string_view next = without_space(first.substr(quote + 1));
          next.starts_with(',') || next.starts_with(']'))
        return "JSON: write one text per line, as jq -r '.[]' FILE > FILE.txt does";
  }
  return {};
}

bool is_web_page(const std::string& path, std::string_view contents) {
  std::string begin(without_space(contents).substr(0, 16));
  std::transform(begin.begin(), begin.end(), begin.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return (begin.starts_with("<!doctype html") || begin.starts_with("<html")) &&
         path.find("htm", path.find_last_of('.') + 1) == path.npos;
}

// True for safetensors: 8 bytes with the length of a JSON header, then the header.
bool is_safetensors(std::string_view contents) {
  if (contents.size() < 10 || contents[8] != '{') return false;
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(contents[i]);
  return length <= contents.size() - 8;
}

// True if the contents are whole numbers of `width` bytes, the low byte first, below `limit`.
bool are_numbers(std::string_view contents, std::size_t width, std::uint32_t limit) {
  if (contents.size() % width != 0) return false;
  for (std::size_t at = 0; at < contents.size(); at += width) {
    std::uint32_t number = 0;
    for (std::size_t i = width; i-- > 0;)
      number = number << 8 | static_cast<unsigned char>(contents[at + i]);
    if (number >= limit) return false;
  }
  return true;
}

// Text in any encoding has almost no control characters other than tab, line ends, form feed,
// backspace, end of file (DOS) and escape. The threshold of 1 % is far above damaged texts and far
// below numbers and compressed data (10 % and more).
std::string binary_format(std::string_view contents) {
  std::array<std::size_t, 256> count{};
  std::size_t nul[2] = {0, 0};  // at even and at odd offsets
  for (std::size_t i = 0; i < contents.size(); ++i) {
    ++count[static_cast<unsigned char>(contents[i])];
    nul[i % 2] += contents[i] == '\0' ? 1 : 0;
  }
  std::size_t controls = 0;
  for (std::size_t byte = 0; byte < 0x20; ++byte)
    if ("\b\t\n\v\f\r\x1a\x1b"sv.find(static_cast<char>(byte)) == std::string_view::npos)
      controls += count[byte];
  if (controls * 100 <= contents.size()) return {};
  const std::size_t nuls = nul[0] + nul[1];
  // In UTF-16, every second byte of Latin letters is 0, and almost none is another control
  // character.
  const bool alternating = nuls * 4 > contents.size() && std::min(nul[0], nul[1]) * 100 < nuls;
  if (alternating && (controls - nuls) * 100 <= contents.size())
    return fmt::format("UTF-16: iconv -f utf-16{} -t utf-8 converts it",
                       nul[1] > nul[0] ? "le" : "be");
  constexpr std::uint32_t kVocabulary = 50432;  // GPT-2's vocabulary, padded
  constexpr const char* kIds =
      "numbers of {} bits, perhaps token ids (train.bin of nanoGPT): data.name = tokens reads such";
  // Small 64-bit numbers are pairs of 32-bit words of which the second is 0.
  if (contents.size() >= 64 && are_numbers(contents, 4, 1 << 20))
    return fmt::format(
        kIds, nuls * 8 >= contents.size() * 5 && nuls < contents.size() && contents.size() % 8 == 0
                  ? 64
                  : 32);
  if (contents.size() >= 64 && are_numbers(contents, 2, kVocabulary)) return fmt::format(kIds, 16);
  return fmt::format("binary data ({:.0f} % control characters): {}",
                     100.0 * static_cast<double>(controls) / static_cast<double>(contents.size()),
                     kNoText);
}

}  // namespace

std::string format_by_magic(std::string_view contents, std::size_t least) {
  for (const Magic& magic : kMagics)
    if (magic.bytes.size() >= least &&
        contents.substr(std::min(magic.at, contents.size())).starts_with(magic.bytes))
      return fmt::format("{}: {}", magic.format, magic.advice);
  return {};
}

std::string foreign_format(const std::string& path, std::string_view contents) {
  if (std::string format = format_by_magic(contents); !format.empty()) return format;
  if (is_safetensors(contents)) return std::string("weights (safetensors): ") + kNoText;
  if (is_web_page(path, contents))
    return "a web page: download the file itself (the \"raw\" one), or name it .html if it is "
           "meant";
  if (std::string json = json_format(contents); !json.empty()) return json;
  return binary_format(contents);
}

}  // namespace moesim
