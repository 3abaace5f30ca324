#include "graph/device_thread.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace lmspt {

struct DeviceThread::Queue {
  struct Job {
    std::function<bool()> start;
    std::function<void()> finish;  // empty: a job in one part
  };

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Job> jobs;
  bool closed = false;
  bool dropping = false;

  void close(bool drop) {
    std::deque<Job> dropped;
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

  bool post(Job job) {
    {
      std::lock_guard lock(mutex);
      if (closed) return false;
      jobs.push_back(std::move(job));
    }
    wake.notify_one();
    return true;
  }

  void work() {
    std::deque<std::function<void()>> started;  // what is left to do of them
    for (;;) {
      Job job;
      bool next = false;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return closed || !jobs.empty() || !started.empty(); });
        if ((dropping || jobs.empty()) && started.empty()) return;
        const size_t most = Session::kMostUnderWay;
        next = !dropping && !jobs.empty() && (started.empty() || (jobs.front().finish && started.size() < most));
        if (next) {
          job = std::move(jobs.front());
          jobs.pop_front();
        }
      }
      if (next) {
        if (job.start() && job.finish) started.push_back(std::move(job.finish));
      } else {
        started.front()();
        started.pop_front();
      }
    }
  }
};

DeviceThread::DeviceThread(std::shared_ptr<Device> device)
    : device_(std::move(device)), queue_(std::make_shared<Queue>()) {
  thread_ = std::thread([queue = queue_] { queue->work(); });
}

DeviceThread::~DeviceThread() { stop(); }

bool DeviceThread::post(std::function<void()> job) {
  return queue_->post({[job = std::move(job)] {
                         job();
                         return false;
                       },
                       nullptr});
}

bool DeviceThread::post(std::function<bool()> start, std::function<void()> finish) {
  return queue_->post({std::move(start), std::move(finish)});
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
