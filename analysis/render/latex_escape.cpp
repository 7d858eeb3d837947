// Escapes LaTeX text. Characters that inputenc's utf8 declares for the encoding T1 are kept; all
// others, at which pdflatex would stop, become a command or their code point.
#include "analysis/render/escape.hpp"
#include "sim/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace moesim {
namespace {

// Longer words may break anywhere, so that they do not reach into the next column.
constexpr std::size_t kLongestWord = 24;

using Command = std::pair<char32_t, std::string_view>;

// Sorted by character. Includes, besides TeX's special characters, '[' and '*' (special after \\)
// and '"' (used by packages for German). '-' and others that form ligatures are handled below.
constexpr std::array kCommands = std::to_array<Command>({
    {U'"', "\\symbol{34}"},
    {U'#', "\\#"},
    {U'$', "\\$"},
    {U'%', "\\%"},
    {U'&', "\\&"},
    {U'*', "{*}"},
    {U'<', "\\textless{}"},
    {U'>', "\\textgreater{}"},
    {U'[', "{[}"},
    {U'\\', "\\textbackslash{}"},
    {U']', "{]}"},
    {U'^', "\\textasciicircum{}"},
    {U'_', "\\_"},
    {U'`', "\\symbol{96}"},
    {U'{', "\\{"},
    {U'|', "\\textbar{}"},
    {U'}', "\\}"},
    {U'~', "\\textasciitilde{}"},
    {U'\u00b1', "$\\pm$"},
    {U'\u00b7', "$\\cdot$"},
    {U'\u00d7', "$\\times$"},
    {U'\u00f7', "$\\div$"},
    {U'\u0391', "A"},
    {U'\u0392', "B"},
    {U'\u0393', "$\\Gamma$"},
    {U'\u0394', "$\\Delta$"},
    {U'\u0398', "$\\Theta$"},
    {U'\u039b', "$\\Lambda$"},
    {U'\u039e', "$\\Xi$"},
    {U'\u03a0', "$\\Pi$"},
    {U'\u03a3', "$\\Sigma$"},
    {U'\u03a6', "$\\Phi$"},
    {U'\u03a8', "$\\Psi$"},
    {U'\u03a9', "$\\Omega$"},
    {U'\u03b1', "$\\alpha$"},
    {U'\u03b2', "$\\beta$"},
    {U'\u03b3', "$\\gamma$"},
    {U'\u03b4', "$\\delta$"},
    {U'\u03b5', "$\\varepsilon$"},
    {U'\u03b6', "$\\zeta$"},
    {U'\u03b7', "$\\eta$"},
    {U'\u03b8', "$\\theta$"},
    {U'\u03b9', "$\\iota$"},
    {U'\u03ba', "$\\kappa$"},
    {U'\u03bb', "$\\lambda$"},
    {U'\u03bc', "$\\mu$"},
    {U'\u03bd', "$\\nu$"},
    {U'\u03be', "$\\xi$"},
    {U'\u03bf', "o"},
    {U'\u03c0', "$\\pi$"},
    {U'\u03c1', "$\\rho$"},
    {U'\u03c2', "$\\varsigma$"},
    {U'\u03c3', "$\\sigma$"},
    {U'\u03c4', "$\\tau$"},
    {U'\u03c5', "$\\upsilon$"},
    {U'\u03c6', "$\\varphi$"},
    {U'\u03c7', "$\\chi$"},
    {U'\u03c8', "$\\psi$"},
    {U'\u03c9', "$\\omega$"},
    {U'\u2013', "--"},
    {U'\u2014', "---"},
    {U'\u2018', "`{}"},
    {U'\u2019', "'{}"},
    {U'\u201c', "``{}"},
    {U'\u201d', "''{}"},
    {U'\u2026', "\\dots{}"},
    {U'\u2190', "$\\leftarrow$"},
    {U'\u2191', "$\\uparrow$"},
    {U'\u2192', "$\\rightarrow$"},
    {U'\u2193', "$\\downarrow$"},
    {U'\u2211', "$\\sum$"},
    {U'\u2212', "$-$"},
    {U'\u221a', "$\\surd$"},
    {U'\u221e', "$\\infty$"},
    {U'\u2248', "$\\approx$"},
    {U'\u2260', "$\\neq$"},
    {U'\u2264', "$\\leq$"},
    {U'\u2265', "$\\geq$"},
    {U'\u2308', "$\\lceil$"},
    {U'\u2309', "$\\rceil$"},
    {U'\u230a', "$\\lfloor$"},
    {U'\u230b', "$\\rfloor$"},
});

// Letters of Latin-1 and Latin Extended-A that T1 does not declare.
constexpr std::array<char32_t, 9> kNotInT1 = {0x126, 0x127, 0x138, 0x13f, 0x140,
                                              0x149, 0x166, 0x167, 0x17f};

bool is_declared(char32_t code) {
  return code < 0x180 && std::find(kNotInT1.begin(), kNotInT1.end(), code) == kNotInT1.end();
}

std::string set(std::string_view text, bool breaks) {
  const std::string safe = terminal_safe(text);
  std::string latex;
  char32_t before = 0;
  std::size_t unbroken = 0;  // characters since the last possible line break
  for (std::string_view rest = safe; !rest.empty();) {
    const config::CodePoint character = config::code_point(rest);
    const char32_t code = character.code;
    // "--", "''" and ",," would become one character. (So would "?`", but '`' is a command.)
    if (code == before && (code == U'-' || code == U'\'' || code == U',')) latex += "{}";
    const auto found = std::lower_bound(
        kCommands.begin(), kCommands.end(), code,
        [](const Command& command, char32_t wanted) { return command.first < wanted; });
    if (found != kCommands.end() && found->first == code)
      latex += found->second;
    else if (is_declared(code))
      latex += rest.substr(0, character.length);
    else
      latex += fmt::format("U+{:04X}", static_cast<std::uint32_t>(code));
    before = code;
    rest.remove_prefix(character.length);
    const bool goes_on = !rest.empty() && rest[0] != ' ';
    unbroken = code == U' ' ? 0 : unbroken + 1;
    if (breaks && goes_on &&
        (code == U'/' || code == U'_' || code == U'=' || unbroken == kLongestWord)) {
      latex += "\\penalty100{}";  // a break at a space is preferred
      unbroken = 0;
    }
  }
  return latex;
}

}  // namespace

std::string latex_text(std::string_view text) { return set(text, false); }
std::string latex_paragraph(std::string_view text) { return set(text, true); }

}  // namespace moesim
