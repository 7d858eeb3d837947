#include "analysis/figures/glyphs.hpp"

#include "sim/config/text.hpp"
#include "sim/io/program.hpp"

#include <fmt/format.h>

#include <map>
#include <string_view>

namespace moesim {
namespace {

constexpr int kGlyphSeconds = 10;
constexpr std::size_t kMostAsked = 200;

bool has_glyph(char32_t code) {
  const ProgramRun fonts = run_program(
      {"fc-list", fmt::format(":charset={:x}", static_cast<std::uint32_t>(code)), "family"},
      {"/", kGlyphSeconds});
  return !fonts.good || !fonts.out.empty();
}

}  // namespace

Printable printable_here(const std::string& text) {
  Printable printable;
  std::map<char32_t, bool> known;
  for (std::string_view rest = text; !rest.empty();) {
    const config::CodePoint point = config::code_point(rest);
    const std::string_view bytes = rest.substr(0, point.length);
    rest.remove_prefix(point.length);
    if (point.code < 0x100 && !point.broken) {
      printable.text += bytes;
      continue;
    }
    const auto [found, is_new] = known.emplace(point.code, known.size() < kMostAsked);
    if (is_new && found->second) found->second = has_glyph(point.code);
    if (is_new && !found->second) printable.missing += bytes;
    printable.text += found->second ? bytes : "?";
  }
  return printable;
}

}  // namespace moesim
