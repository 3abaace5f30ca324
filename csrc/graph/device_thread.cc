#include "graph/device_thread.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace lmspt {

struct DeviceThread::Queue {
  struct Job {
    std::function<bool()> start;
    std::function<void()> finish;  // empty: a job in one part
  };

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Job> jobs;
  std::vector<std::shared_ptr<void>> kept;
  bool closed = false;
  bool dropping = false;
  bool ended = false;

  void close(bool drop) {
    {
      std::lock_guard lock(mutex);
      closed = true;
      dropping |= drop;
    }
    wake.notify_all();
  }

  void keep(std::shared_ptr<void> object) {
    std::lock_guard lock(mutex);
    if (!ended) kept.push_back(std::move(object));
  }

  // Lets go of what is left, on this thread.
  void end() {
    std::deque<Job> dropped;
    std::vector<std::shared_ptr<void>> objects;  // both outlive the lock
    std::lock_guard lock(mutex);
    ended = true;
    dropped.swap(jobs);
    objects.swap(kept);
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
  thread_ = std::thread([queue = queue_] {
    queue->work();
    queue->end();
  });
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

void DeviceThread::let_go(std::shared_ptr<void> object) {
  if (!post([object] {})) queue_->keep(std::move(object));
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
