// Lines on stderr: those that stay, and below them, on a terminal, one per worker that is
// rewritten.
#pragma once

#include <string>
#include <vector>

namespace moesim {

class Display {
 public:
  explicit Display(std::size_t slots);
  ~Display();
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void keep(const std::string& line);
  void set(std::size_t slot, const std::string& line);  // "": nothing
  void summary(const std::string& line);
  bool terminal() const { return terminal_; }

 private:
  void erase();
  void draw();

  bool terminal_;
  std::vector<std::string> live_;  // the slots, then the summary
  std::size_t drawn_ = 0;
};

}  // namespace moesim
