#include "analysis/figures/gnuplot.hpp"

#include "analysis/figures/glyphs.hpp"
#include "analysis/figures/inline_svg.hpp"
#include "analysis/render/escape.hpp"
#include "sim/core/error.hpp"
#include "sim/io/program.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr int kGnuplotSeconds = 60;
constexpr const char* kScript = ".moesim.gp";  // differs from every file name of the figure

// Scratch is a temporary folder, removed with its content.
class Scratch {
 public:
  Scratch() {
    std::string name = fs::temp_directory_path() / "moesim-figure-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      fail(Exit::output, name + ": cannot make this folder: " +
                             std::generic_category().message(errno) + "; set TMPDIR to another");
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream file(path_ + "/" + name, std::ios::binary);
    file << bytes << std::flush;
    if (!file)
      fail(Exit::output, path_ + ": cannot write the data of the figure; is the disk full?");
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string path_;
};

// Returns the first line of gnuplot's output that is more than a position.
std::string reason_of(const ProgramRun& result) {
  if (result.timed_out)
    return "took longer than " + std::to_string(kGnuplotSeconds) + " s and was stopped";
  std::string line, best;
  for (const char c : result.out + result.error + "\n") {
    if (c != '\n') {
      line += c;
      continue;
    }
    if (line.find_first_not_of(" \t^") != std::string::npos) best = line;
    line.clear();
  }
  return best.empty() ? "failed without a message" : "failed: " + terminal_safe(best);
}

}  // namespace

Picture picture_of(const std::string& path) {
  const std::string suffix = fs::path(path).extension();
  if (suffix == ".svg") return Picture::svg;
  if (suffix == ".pdf") return Picture::pdf;
  if (suffix == ".png") return Picture::png;
  fail(Exit::usage, "--out " + terminal_safe(path) + ": ends in none of .svg, .pdf and .png");
}

Drawing draw(const Figure& figure, const FigureStyle& style, Picture picture,
             const std::string& csv, const std::string& out) {
  Drawing drawing{gnuplot_script(figure, style, picture, csv, out), data_of(figure).csv, {}, {}};
  // SVG does not embed fonts; the viewer chooses them.
  if (picture != Picture::svg) {
    Printable printable = printable_here(drawing.script);
    if (!printable.missing.empty())
      drawing.notes.push_back("no font here has " + printable.missing +
                              ": in .pdf and .png these are ?; install one (fonts-noto-cjk, say), "
                              "or write .svg");
    drawing.script = std::move(printable.text);
  }
  const Scratch scratch;
  scratch.write(csv, drawing.csv);
  scratch.write(kScript, drawing.script);
  // -d: ignores the user's gnuplotrc.
  const ProgramRun result =
      run_program({"gnuplot", "-d", kScript}, {scratch.path(), kGnuplotSeconds});
  if (!result.found)
    fail(Exit::usage,
         "gnuplot is not installed, which draws figures: install the package gnuplot-nox, or use "
         "--script matplotlib, which works without it");
  drawing.picture = scratch.read(out);
  if (!result.good || drawing.picture.empty()) fail(Exit::internal, "gnuplot " + reason_of(result));
  return drawing;
}

std::string svg_of(const Figure& figure, const FigureStyle& style) {
  FigureStyle within = style;
  if (within.id_prefix.empty()) within.id_prefix = figure.name + "-";
  return inline_svg(draw(figure, within, Picture::svg).picture, within.id_prefix);
}

}  // namespace moesim
