#include "analysis/figures/inline_svg.hpp"

#include <string_view>

namespace moesim {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

std::string inline_svg(const std::string& file, const std::string& prefix) {
  std::string result;
  std::size_t at = file.find("<svg");
  if (at == std::string::npos) return file;
  while (at < file.size()) {
    const std::size_t open = file.find('<', at);
    result.append(file, at, open == std::string::npos ? open : open - at);
    if (open == std::string::npos) break;
    const std::size_t close = file.find('>', open);
    std::string tag = file.substr(open, close == std::string::npos ? close : close + 1 - open);
    for (const char* quote : {"\"", "'"}) {
      const std::string q = quote;
      replace_all(tag, " id=" + q, " id=" + q + prefix);
      replace_all(tag, "href=" + q + "#", "href=" + q + "#" + prefix);
      for (const char* black : {"black", "rgb(  0,   0,   0)", "#000000"})
        replace_all(tag, q + black + q, q + "currentColor" + q);
    }
    result += tag;
    at = close == std::string::npos ? file.size() : close + 1;
  }
  return result;
}

}  // namespace moesim
