// FolderLock gives one process exclusive use of a run folder.
#pragma once

#include <optional>
#include <string>

namespace moesim {

// FolderLock holds `folder` for this process and its forked children during its lifetime. The lock
// belongs to the open file description, so the system releases it however the process ends; the
// lock file itself stays.
class FolderLock {
 public:
  // Throws Exit::locked with the holder's name, Exit::output, or Unreadable as require_own_lock().
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  // Throws Exit::locked if the lock file was removed or replaced, because another process may then
  // hold the folder too. Call it before every write.
  void require_held() const;

 private:
  std::string path_;
  int file_ = -1;
};

// Throws Unreadable (sim/io/file.hpp) if another program or another version of moesim wrote the
// lock file.
void require_own_lock(const std::string& folder);

// Returns the holder of the lock ("process 123 on host") without taking it; nothing if it is free.
std::optional<std::string> lock_holder(const std::string& folder);

}  // namespace moesim
