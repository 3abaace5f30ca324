#include "graph/device_thread.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace lmspt {

struct DeviceThread::Queue {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> jobs;
  bool closed = false;
  bool dropping = false;

  void close(bool drop) {
    std::deque<std::function<void()>> dropped;
    {
      std::lock_guard lock(mutex);
      closed = true;
      if (drop) {
        dropping = true;
        dropped.swap(jobs);
      }
    }
    wake.notify_all();
  }

  void work() {
    for (;;) {
      std::function<void()> job;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return closed || !jobs.empty(); });
        if (dropping || jobs.empty()) return;
        job = std::move(jobs.front());
        jobs.pop_front();
      }
      job();
    }
  }
};

DeviceThread::DeviceThread(std::shared_ptr<Device> device)
    : device_(std::move(device)), queue_(std::make_shared<Queue>()) {
  thread_ = std::thread([queue = queue_] { queue->work(); });
}

DeviceThread::~DeviceThread() { stop(); }

bool DeviceThread::post(std::function<void()> job) {
  {
    std::lock_guard lock(queue_->mutex);
    if (queue_->closed) return false;
    queue_->jobs.push_back(std::move(job));
  }
  queue_->wake.notify_one();
  return true;
}

void DeviceThread::finish() { queue_->close(false); }

void DeviceThread::stop() {
  queue_->close(true);
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
    device_.reset();
  }
}

}  // namespace lmspt
