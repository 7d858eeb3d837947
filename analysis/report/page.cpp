#include "analysis/report/page.hpp"

#include "analysis/render/escape.hpp"

namespace moesim::html {
namespace {

std::string head_of(const Page& page) {
  const std::string policy = "default-src 'none'; style-src 'unsafe-inline'; script-src '" +
                             std::string(kScriptHash) +
                             "'; img-src data:; base-uri 'none'; form-action 'none'";
  return "<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"" +
         policy +
         "\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<meta name=\"generator\" content=\"" +
         html_text(page.generator) + "\">\n<title>" + html_text(page.title) +
         "</title>\n"
         // Without an icon, browsers request favicon.ico from the server.
         "<link rel=\"icon\" href=\"data:,\">\n<style>\n" +
         kStyle + "</style>\n</head>\n";
}

}  // namespace

std::string document(const Page& page) {
  std::string contents, sections;
  for (const Section& section : page.sections) {
    if (section.content.empty()) continue;
    const std::string title = html_text(section.title);
    contents += "<li><a href=\"#" + section.id + "\">" + title + "</a></li>\n";
    sections += "<section id=\"" + section.id + "\" aria-labelledby=\"" + section.id +
                "-title\">\n<h2 id=\"" + section.id + "-title\"><a href=\"#" + section.id + "\">" +
                title + "</a></h2>\n" + section.content + "</section>\n";
  }
  std::string lead;
  for (const std::string& line : page.lead) lead += "<p>" + html_text(line) + "</p>\n";
  return "<!DOCTYPE html>\n<html lang=\"en\">\n" + head_of(page) + "<body>\n<header>\n<h1>" +
         html_text(page.title) + "</h1>\n" + lead +
         "</header>\n<nav aria-label=\"Contents\">\n<ol>\n" + contents + "</ol>\n</nav>\n<main>\n" +
         sections + "</main>\n<footer>\n<p>Written by " + html_text(page.generator) +
         ". This page is whole: it loads nothing.</p>\n</footer>\n<script>" + kScript +
         "</script>\n</body>\n</html>\n";
}

}  // namespace moesim::html
