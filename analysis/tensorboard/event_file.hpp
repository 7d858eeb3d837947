// EventFile is the event file that moesim writes to a run's folder; there is one per folder.
#pragma once

#include "analysis/tensorboard/run_events.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace moesim {

class EventFile {
 public:
  explicit EventFile(std::string folder) : folder_(std::move(folder)) {}

  // Replaces the existing event file by a new one. The new file has another name, because a reader
  // that has the old one open would otherwise not notice. A file that already has the same content
  // is kept. Throws Exit::output.
  void begin(const NewRows& rows);
  // Appends rows. Returns false if another program has changed the file, which must then be begun
  // again. Throws Exit::output and leaves the file unchanged.
  bool append(const NewRows& rows);

  std::size_t events() const { return events_; }  // written by this object

 private:
  std::string folder_, path_;
  std::uint64_t size_ = 0;
  std::size_t events_ = 0;
};

}  // namespace moesim
