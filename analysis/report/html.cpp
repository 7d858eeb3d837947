#include "analysis/report/html.hpp"

#include "analysis/render/escape.hpp"

namespace moesim::html {
std::string lines(std::string_view all) {
  std::string safe;
  std::size_t begin = 0;
  for (std::size_t end = all.find_first_of("\n\t"); end != all.npos;
       begin = end + 1, end = all.find_first_of("\n\t", begin))
    (safe += html_text(all.substr(begin, end - begin))) += all[end];
  return safe + html_text(all.substr(begin));
}

std::string list(const std::vector<std::string>& items) {
  if (items.empty()) return {};
  if (items.size() == 1) return "<p>" + items[0] + "</p>\n";
  std::string all = "<ul>\n";
  for (const std::string& item : items) all += "<li>" + item + "</li>\n";
  return all + "</ul>\n";
}

std::string fold(std::string_view summary, const std::string& content) {
  return "<details>\n<summary>" + html_text(summary) + "</summary>\n" + content + "</details>\n";
}

std::string scroll_box(std::string_view label, const std::string& content) {
  return "<div class=\"box\" role=\"region\" tabindex=\"0\" aria-label=\"" + html_text(label) +
         "\">\n" + content + "</div>\n";
}

std::string slug(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string slug;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (plain && slug.size() < kLongest)
      slug += lower;
    else if (!plain && !slug.empty() && slug.back() != '-' && slug.size() < kLongest)
      slug += '-';
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug.empty() ? "unnamed" : slug;
}

std::string Names::unique(std::string_view text) {
  const std::string base = slug(text);
  int& number = last_[base];
  std::string name = ++number == 1 ? base : base + "-" + std::to_string(number);
  while (!taken_.insert(name).second) name = base + "-" + std::to_string(++number);
  return name;
}

}  // namespace moesim::html
