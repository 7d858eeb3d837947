// EventFile is the one event file that a folder has of us.
#pragma once

#include "analysis/tensorboard/run_events.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace moesim {

class EventFile {
 public:
  explicit EventFile(std::string folder) : folder_(std::move(folder)) {}

  // Writes a file that takes the place of the one that is there. It has another name, because a
  // reader that has the old one open would not see it otherwise. One that has the same content
  // already stays. Throws Exit::output.
  void begin(const NewRows& rows);
  // Adds to it. False if somebody else has changed it, so that it has to be begun again; throws
  // Exit::output, and the file is then as it was.
  bool append(const NewRows& rows);

  std::size_t events() const { return events_; }  // written by this object

 private:
  std::string folder_, path_;
  std::uint64_t size_ = 0;
  std::size_t events_ = 0;
};

}  // namespace moesim
