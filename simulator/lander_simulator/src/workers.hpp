// Threads that wait for work, asleep: a spinning thread would cost more than it brings where cores are shared.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace lander {

class Workers {
 public:
  // The caller's thread is one of `count`.
  explicit Workers(int count) : count_(count < 1 ? 1 : count) {
    for (int part = 1; part < count_; ++part) threads_.emplace_back([this, part] { serve(part); });
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      closing_ = true;
    }
    start_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  int count() const { return count_; }

  // Calls work(0) ... work(count - 1), each on a thread of its own, and waits for all of them.
  void run(const std::function<void(int)>& work) {
    if (count_ > 1) {
      const std::lock_guard<std::mutex> guard(mutex_);
      work_ = &work;
      unfinished_ = count_ - 1;
      ++round_;
    }
    start_.notify_all();
    work(0);
    if (count_ > 1) {
      std::unique_lock<std::mutex> lock(mutex_);
      finished_.wait(lock, [this] { return unfinished_ == 0; });
    }
  }

 private:
  void serve(int part) {
    long seen = 0;
    for (;;) {
      const std::function<void(int)>* work = nullptr;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        start_.wait(lock, [&] { return closing_ || round_ != seen; });
        if (closing_) return;
        seen = round_;
        work = work_;
      }
      (*work)(part);
      const std::lock_guard<std::mutex> guard(mutex_);
      if (--unfinished_ == 0) finished_.notify_one();
    }
  }

  const int count_;
  std::mutex mutex_;
  std::condition_variable start_, finished_;
  const std::function<void(int)>* work_ = nullptr;
  int unfinished_ = 0;
  long round_ = 0;
  bool closing_ = false;
  std::vector<std::thread> threads_;  // last, so that the rest exists when they start
};

}  // namespace lander
