#include "analysis/figures/quoted.hpp"

#include "analysis/render/escape.hpp"
#include "sim/config/text.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

std::string doubled(std::string_view text, char what) {
  std::string result;
  for (const char c : text) {
    if (c == what) result += c;
    result += c;
  }
  return result;
}

}  // namespace

std::string gnuplot_quoted(std::string_view text) {
  const std::string safe = terminal_safe(text);
  constexpr std::string_view kSpecial = "'\"`\\@#";
  if (safe.find_first_of(kSpecial) == std::string::npos) return "'" + safe + "'";
  // gnuplot reads '' at the start of a string as an empty string, and runs text between backticks;
  // octal escapes avoid both. It reads all digits after an escape as part of the number, so these
  // digits are escaped too.
  std::string quoted = "\"";
  bool after_number = false;
  for (const char c : safe) {
    after_number =
        kSpecial.find(c) != std::string_view::npos || (after_number && c >= '0' && c <= '7');
    quoted += after_number ? fmt::format("\\{:03o}", static_cast<unsigned>(c)) : std::string(1, c);
  }
  return quoted + '"';
}

std::string gnuplot_tick(std::string_view text) { return gnuplot_quoted(doubled(text, '%')); }

std::string python_quoted(std::string_view text) {
  const std::string safe = terminal_safe(text);
  std::string quoted = "\"";
  for (std::string_view rest = safe; !rest.empty();) {
    const config::CodePoint point = config::code_point(rest);
    rest.remove_prefix(point.length);
    const auto code = static_cast<std::uint32_t>(point.code);
    if (code == '"' || code == '\\')
      quoted += fmt::format("\\{}", static_cast<char>(code));
    else if (code == '$')
      quoted += "\\\\$";
    else if (code < 0x80)
      quoted += static_cast<char>(code);
    else if (code < 0x10000)
      quoted += fmt::format("\\u{:04x}", code);
    else
      quoted += fmt::format("\\U{:08x}", code);
  }
  return quoted + '"';
}

}  // namespace moesim
