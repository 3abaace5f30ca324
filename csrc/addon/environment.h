// State of one JavaScript environment (the main thread or a worker thread): constructors, the error class, the way back
// from device threads. Nothing of it is static, so that worker threads work.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <set>

#include "device/error.h"
#include "graph/device_thread.h"

namespace lmspt::addon {

class Environment {
 public:
  explicit Environment(Napi::Env env);
  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  Napi::FunctionReference error_class;
  Napi::FunctionReference device, graph, plan, variable, mapped_file;

  Napi::Error make_error(Napi::Env env, ErrorCode code, const std::string& message) const;

  // Runs `work` on the device's thread and settles a promise with what `settle` makes of it on this thread. The process
  // stays alive until then. Errors of `work` reject.
  template <class Result>
  Napi::Promise run_on(Napi::Env env, DeviceThread& thread, std::function<Result()> work,
                       std::function<Napi::Value(Napi::Env, Result&)> settle);

  // The same of work in two parts (DeviceThread::post): `start` works on the result and returns whether `finish` has to
  // be called.
  template <class Result>
  Napi::Promise run_in_parts_on(Napi::Env env, DeviceThread& thread, std::function<bool(Result&)> start,
                                std::function<void(Result&)> finish,
                                std::function<Napi::Value(Napi::Env, Result&)> settle);

  void adopt(const std::shared_ptr<DeviceThread>& thread) { threads_.insert(thread); }
  void release(const std::shared_ptr<DeviceThread>& thread) { threads_.erase(thread); }

  // Lets a thread finish what it was asked for, and then go.
  void retire(const std::shared_ptr<DeviceThread>& thread);

 private:
  using Completion = std::function<void(Napi::Env)>;

  // A promise on the way, with the result or the error that settles it.
  template <class Result>
  struct Call {
    Napi::Promise::Deferred deferred;
    std::function<Napi::Value(Napi::Env, Result&)> settle;
    std::unique_ptr<Result> result;
    ErrorCode code = ErrorCode::device;
    std::string message;
  };
  // Calls `work`; an error becomes the call's, whose result it takes away.
  template <class Result, class Work>
  static bool attempt(Call<Result>& call, Work&& work);
  template <class Result>
  void complete_call(const std::shared_ptr<Call<Result>>& call);
  template <class Result>
  Napi::Promise promise_of(Napi::Env env, Call<Result>& call, bool posted);

  void work_begins(Napi::Env env);
  void complete(Completion* completion);  // from a device thread
  void shut_down();

  napi_threadsafe_function completions_ = nullptr;
  napi_env env_;
  int pending_ = 0;
  std::set<std::shared_ptr<DeviceThread>> threads_;
};

// Runs `body`; an lmspt::Error or another exception becomes a JavaScript one.
template <class Body>
auto guarded(const Napi::CallbackInfo& info, Body&& body) {
  try {
    return body();
  } catch (const Error& error) {
    throw Environment::of(info.Env()).make_error(info.Env(), error.code(), error.what());
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Environment::of(info.Env()).make_error(info.Env(), ErrorCode::out_of_memory, "Out of memory");
  } catch (const std::exception& error) {
    throw Environment::of(info.Env()).make_error(info.Env(), ErrorCode::device, error.what());
  }
}

template <class Result, class Work>
bool Environment::attempt(Call<Result>& call, Work&& work) {
  try {
    return work();
  } catch (const Error& error) {
    call.code = error.code();
    call.message = error.what();
  } catch (const std::bad_alloc&) {
    call.code = ErrorCode::out_of_memory;
    call.message = "Out of memory; use shorter or smaller inputs";
  } catch (const std::exception& error) {
    call.message = error.what();
  }
  call.result.reset();
  return false;
}

template <class Result>
void Environment::complete_call(const std::shared_ptr<Call<Result>>& call) {
  complete(new Completion([this, call](Napi::Env env) {
    if (!call->result) {
      call->deferred.Reject(make_error(env, call->code, call->message).Value());
      return;
    }
    try {
      call->deferred.Resolve(call->settle(env, *call->result));
    } catch (const Napi::Error& error) {
      call->deferred.Reject(error.Value());
    }
  }));
}

template <class Result>
Napi::Promise Environment::promise_of(Napi::Env env, Call<Result>& call, bool posted) {
  if (posted) {
    work_begins(env);
  } else {
    call.deferred.Reject(make_error(env, ErrorCode::closed, "The device is closed; open another one").Value());
  }
  return call.deferred.Promise();
}

template <class Result>
Napi::Promise Environment::run_on(Napi::Env env, DeviceThread& thread, std::function<Result()> work,
                                  std::function<Napi::Value(Napi::Env, Result&)> settle) {
  auto call = std::make_shared<Call<Result>>(
      Call<Result>{Napi::Promise::Deferred::New(env), std::move(settle), nullptr, ErrorCode::device, ""});
  const bool posted = thread.post([this, call, work = std::move(work)]() mutable {
    attempt(*call, [&] {
      call->result = std::make_unique<Result>(work());
      return true;
    });
    work = nullptr;
    complete_call(call);
  });
  return promise_of(env, *call, posted);
}

template <class Result>
Napi::Promise Environment::run_in_parts_on(Napi::Env env, DeviceThread& thread, std::function<bool(Result&)> start,
                                           std::function<void(Result&)> finish,
                                           std::function<Napi::Value(Napi::Env, Result&)> settle) {
  auto call = std::make_shared<Call<Result>>(Call<Result>{Napi::Promise::Deferred::New(env), std::move(settle),
                                                          std::make_unique<Result>(), ErrorCode::device, ""});
  const bool posted = thread.post(
      [this, call, start = std::move(start)] {
        const bool unfinished = attempt(*call, [&] { return start(*call->result); });
        if (!unfinished) complete_call(call);
        return unfinished;
      },
      [this, call, finish = std::move(finish)] {
        attempt(*call, [&] {
          finish(*call->result);
          return true;
        });
        complete_call(call);
      });
  return promise_of(env, *call, posted);
}

}  // namespace lmspt::addon
