// The thread on which everything of one device happens, in the order of posting.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "device/device.h"

namespace lmspt {

class DeviceThread {
 public:
  explicit DeviceThread(std::shared_ptr<Device> device);
  ~DeviceThread();

  const std::shared_ptr<Device>& device() const { return device_; }  // null once stopped

  // False when the thread takes no more jobs.
  bool post(std::function<void()> job);

  // A job in two parts: `start` returns whether there is something to finish. Further such jobs may start before
  // `finish` is called, others wait for it.
  bool post(std::function<bool()> start, std::function<void()> finish);

  // Takes a reference that may be the last one, so that what it refers to ends on this thread, after the jobs so far.
  void let_go(std::shared_ptr<void> object);

  // Takes no more jobs after the ones already posted.
  void finish();

  // Finishes the running jobs, drops the waiting ones, joins and lets go of the device.
  void stop();

 private:
  struct Queue;  // shared with the thread, which may outlive this object when a job holds the last reference to it

  std::shared_ptr<Device> device_;
  std::shared_ptr<Queue> queue_;
  std::thread thread_;
};

}  // namespace lmspt
