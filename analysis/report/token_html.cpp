#include "analysis/report/token_html.hpp"

#include "analysis/render/escape.hpp"
#include "sim/config/text.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

// Names instead of the pictures of Unicode (U+2400 ...), which few fonts have.
std::string_view name_of_control(char32_t code) {
  static constexpr std::string_view names[] = {
      "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS",  "TAB", "LF",
      "VT",  "FF",  "CR",  "SO",  "SI",  "DLE", "DC1", "DC2", "DC3", "DC4", "NAK",
      "SYN", "ETB", "CAN", "EM",  "SUB", "ESC", "FS",  "GS",  "RS",  "US"};
  return code == 0x7f ? "DEL" : names[code];
}

// Zero-width joiners and variation selectors stay: they shape the characters beside them.
bool is_invisible(char32_t code) {
  return code == 0xad || code == 0x34f || code == 0x200b || code == 0xfeff || code == 0x3164 ||
         (code >= 0x2060 && code <= 0x2064) || (code >= 0x115f && code <= 0x1160) ||
         (code >= 0xe0000 && code <= 0xe0fff);
}

std::string shown(char32_t code, std::string_view bytes) {
  if (code < 0x20 || code == 0x7f) return fmt::format("<code>{}</code>", name_of_control(code));
  std::string safe = html_text(bytes);
  if (is_invisible(code) || (safe == "?" && code != '?'))
    return fmt::format("<code>U+{:04X}</code>", static_cast<unsigned>(code));
  return safe;
}

}  // namespace

std::string token_html(std::string_view bytes) {
  if (bytes.empty()) return "<code>empty</code>";
  std::string html;
  for (std::size_t count = 0; !bytes.empty(); ++count) {
    if (count == kMostCharacters) return html + "\u2026";
    const config::CodePoint point = config::code_point(bytes);
    if (point.broken)
      fmt::format_to(std::back_inserter(html), "<code>{:02X}</code>",
                     static_cast<unsigned char>(bytes[0]));
    else
      html += shown(point.code, bytes.substr(0, point.length));
    bytes.remove_prefix(point.length);
  }
  return html;
}

}  // namespace moesim
